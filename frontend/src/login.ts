/** The form that stands before everything where a password is set. */

import { ApiError, login } from "./api.ts";
import { h, replace, setText } from "./dom.ts";
import { lasting } from "./format.ts";
import { t } from "./i18n.ts";
import { errorText } from "./parts.ts";

export function loginForm(onloggedin: () => void): HTMLElement {
  const password = h("input", {
    type: "password",
    name: "password",
    id: "password",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": "login-error",
  });
  const error = h("p", { class: "error", id: "login-error", role: "alert" });
  const button = h("button", { type: "submit", class: "button primary" }, t("log_in"));
  const submit = async (): Promise<void> => {
    button.disabled = true;
    replace(error);
    try {
      await login(password.value);
      onloggedin();
    } catch (failure) {
      setText(error, refusal(failure));
      password.setAttribute("aria-invalid", "true");
      password.select();
      password.focus();
    } finally {
      button.disabled = false;
    }
  };
  const form = h(
    "form",
    {
      class: "login card",
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void submit();
      },
    },
    h("h1", {}, "Smartmeter"),
    // Password managers want a name beside the password.
    h("input", { type: "text", name: "username", autocomplete: "username", value: "smartmeter", hidden: true, readonly: true }),
    h("label", { for: "password" }, t("password")),
    password,
    error,
    button,
  );
  queueMicrotask(() => password.focus());
  return form;
}

function refusal(failure: unknown): string {
  if (failure instanceof ApiError && failure.status === 401) return t("wrong_password");
  if (failure instanceof ApiError && failure.status === 429) {
    return t("too_many_tries", { time: lasting((failure.retryAfterS ?? 60) * 1000) });
  }
  return errorText(failure);
}
