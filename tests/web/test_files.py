import gzip
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from smartmeter.web import files
from smartmeter.web.files import file_response, load_files
from tests.web.made_up import asking, home


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A page as Vite leaves it."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>page</title>" + " " * 2000)
    (static / "assets" / "main-1a2b.js").write_text("let a = 1;\n" * 500)
    (static / "icon.png").write_bytes(bytes(range(256)))
    monkeypatch.setattr(files, "resources", SimpleNamespace(files=lambda _: tmp_path))
    return load_files()


@pytest.fixture
def unbuilt(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "resources", SimpleNamespace(files=lambda _: tmp_path))
    return load_files()


def ask(file, **headers):
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return file_response(file, Request({"type": "http", "headers": named}))


def test_what_is_built_is_found_with_its_type(built):
    assert {name: file.media_type for name, file in built.items()} == {
        "index.html": "text/html",
        "assets/main-1a2b.js": "text/javascript",
        "icon.png": "image/png",
    }


def test_names_with_a_hash_are_kept_for_ever_and_others_asked_for(built):
    assert "immutable" in built["assets/main-1a2b.js"].caching
    assert built["index.html"].caching == "no-cache"


def test_it_is_sent_compressed_once_and_only_if_that_is_smaller(built):
    index = built["index.html"]
    answer = ask(index, accept_encoding="br, gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == index.plain == ask(index).body
    assert "content-encoding" not in ask(built["icon.png"], accept_encoding="gzip").headers


def test_what_the_browser_has_is_not_sent_again(built):
    index = built["index.html"]
    again = ask(index, if_none_match=index.etag)
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == index.etag
    assert ask(index, if_none_match='"other"').status_code == 200
    assert index.etag != built["icon.png"].etag


def test_without_a_page_the_way_to_one_is_told(unbuilt):
    assert list(unbuilt) == ["index.html"]
    assert "make page" in unbuilt["index.html"].plain.decode()


async def test_the_page_is_there_without_a_password_and_nothing_beside_it(built, tmp_path):
    (tmp_path / "secret").write_text("secret")
    async with home(tmp_path) as made, asking(made) as client:
        for path in ("/", "/index.html"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert (await client.head("/")).status_code == 200
        for path in ("/../secret", "/%2e%2e/secret", "/assets/../../secret", "/assets", "/assets/", "/x"):
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["detail"] == "there is no such page"
        assert (await client.post("/")).status_code == 405
