import { defineConfig } from "vite";

// What answers /api while developing: the daemon, or `npm run fake-api` at 8090.
const api = process.env["SMARTMETER_API"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/",
  publicDir: false,
  build: {
    outDir: "../smartmeter/web/static",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    // A data: address would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": { target: api, changeOrigin: false } } },
});
