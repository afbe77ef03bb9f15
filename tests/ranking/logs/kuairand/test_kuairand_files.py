"""Finding KuaiRand-Pure on the machine, and downloading it from a server that may misbehave."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from ranking.logs.kuairand import files as kuairand_files
from ranking.logs.kuairand.files import LOG_FILES, download_kuairand, find_kuairand

LOG = LOG_FILES["standard_4_22"]
CONTENT = b"user_id,video_id\n1,2\n"


def tarball(files: dict[str, bytes], link: tuple[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link[0])
            info.type, info.linkname = tarfile.SYMTYPE, link[1]
            tar.addfile(info)
    return buffer.getvalue()


GOOD = tarball({f"KuaiRand-Pure/data/{LOG}": CONTENT, "KuaiRand-Pure/load_data_pure.py": b""})


def md5(body: bytes) -> str:
    return "md5:" + hashlib.md5(body).hexdigest()


@dataclass
class Server:
    """What the local server answers, and what it was asked."""

    address: str = ""
    body: bytes = GOOD
    status: int = 200
    sent: int | None = None
    announce: bool = True
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.address}/KuaiRand-Pure.tar.gz"


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            self.send_response(state.status)
            if state.announce:
                self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body[: state.sent])

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.address = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """No test sees the user's own cache or variable."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda project: folder / project)
    monkeypatch.delenv(kuairand_files.VARIABLE, raising=False)
    return folder / "ranking-course"


def fetch(server: Server, folder: Path, checksum: str = md5(GOOD)) -> Path:
    return download_kuairand(folder, url=server.url, checksum=checksum, progress=False)


def left(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_download_unpacks_and_the_second_call_needs_no_network(server, tmp_path):
    data = fetch(server, tmp_path)
    assert data == tmp_path / "KuaiRand-Pure" / "data"
    assert left(tmp_path) == [f"KuaiRand-Pure/data/{LOG}"]
    assert (data / LOG).read_bytes() == CONTENT
    assert fetch(server, tmp_path) == data
    assert server.requests == ["/KuaiRand-Pure.tar.gz"]


def test_download_goes_to_the_cache_where_find_looks(server, cache, capfd):
    assert find_kuairand() is None
    data = download_kuairand(url=server.url, checksum=md5(GOOD))
    assert data == cache / "KuaiRand-Pure" / "data"
    assert find_kuairand() == data
    assert "100%" in capfd.readouterr().err  # the progress bar


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"body": GOOD + b"x"}, ValueError),
        ({"body": b"<html>busy</html>"}, ValueError),
        ({"sent": len(GOOD) // 2}, ConnectionError),
        ({"sent": len(GOOD) // 2, "announce": False}, ValueError),
        ({"sent": 0}, ConnectionError),
        ({"status": 404}, ConnectionError),
        ({"status": 503}, ConnectionError),
    ],
    ids=["other checksum", "a web page", "cut off", "cut off, no length", "no body", "404", "503"],
)
def test_a_broken_download_says_what_to_do_and_leaves_nothing(server, tmp_path, fault, error):
    for name, value in fault.items():
        setattr(server, name, value)
    with pytest.raises(error) as caught:
        fetch(server, tmp_path)
    assert server.url in str(caught.value)
    assert kuairand_files.VARIABLE in str(caught.value)
    assert left(tmp_path) == []
    # The server mends itself, and the next call begins anew.
    server.body, server.status, server.sent = GOOD, 200, None
    assert (fetch(server, tmp_path) / LOG).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folder": 3}, "folder must be the path of a folder, got 3"),
        ({"url": None}, "url must be a text, got None"),
        ({"checksum": 3}, "checksum must be given as 'algorithm:digest', got 3"),
        ({"progress": "no"}, "progress must be True or False, got 'no'"),
    ],
)
def test_settings_of_another_kind_are_named(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        download_kuairand(**({"folder": tmp_path} | settings))
    assert left(tmp_path) == []


def test_an_unreachable_server_is_a_connection_error(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(ConnectionError, match=r"could not be had from http://127\.0\.0\.1:9/x"):
        download_kuairand(tmp_path, url="http://127.0.0.1:9/x", checksum=md5(GOOD), progress=False)


@pytest.mark.parametrize(
    "body",
    [
        tarball({f"KuaiRand-Pure/data/{LOG}": CONTENT, "../outside.csv": b"x"}),
        tarball(
            {f"KuaiRand-Pure/data/{LOG}": CONTENT}, link=("KuaiRand-Pure/data/out", "../../../outside.csv")
        ),
        tarball({"KuaiRand-1K/data/log.csv": b"x"}),
        GOOD[: len(GOOD) // 2],
        b"no archive",
    ],
    ids=["path outside", "link outside", "other files", "half an archive", "no archive"],
)
def test_an_archive_that_cannot_be_trusted_leaves_nothing(server, tmp_path, body):
    server.body = body
    folder = tmp_path / "here"
    with pytest.raises(ValueError, match="cannot be unpacked"):
        fetch(server, folder, md5(body))
    assert left(tmp_path) == []
    assert not (folder / "KuaiRand-Pure").exists()


def test_unpacking_that_is_interrupted_is_begun_anew(server, tmp_path, monkeypatch):
    extract = tarfile.TarFile.extractall

    def interrupted(self, path, **options):
        extract(self, path, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extractall", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(server, tmp_path)
    assert not (tmp_path / "KuaiRand-Pure").exists()
    assert (fetch(server, tmp_path) / LOG).read_bytes() == CONTENT
    assert len(server.requests) == 1  # the verified archive was still there


def test_an_archive_put_by_hand_is_taken(server, tmp_path):
    (tmp_path / "KuaiRand-Pure.tar.gz").write_bytes(GOOD)
    assert (fetch(server, tmp_path) / LOG).read_bytes() == CONTENT
    assert server.requests == []


def test_what_stands_in_the_way_is_not_removed(server, tmp_path):
    mine = tmp_path / "KuaiRand-Pure" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("keep")
    with pytest.raises(ValueError, match="move or remove it"):
        fetch(server, tmp_path)
    assert mine.read_text() == "keep"
    assert server.requests == []


@pytest.mark.parametrize("checksum", [None, "", "0820331067a3784d9691136f772b35a7"])
def test_a_checksum_is_required(server, tmp_path, checksum):
    with pytest.raises(ValueError, match="checksum must be given"):
        fetch(server, tmp_path, checksum)


@pytest.mark.parametrize("inside", ["", "data", "KuaiRand-Pure/data"])
def test_the_variable_may_name_the_folder_or_a_parent(tmp_path, monkeypatch, inside):
    data = tmp_path / "named" / inside
    data.mkdir(parents=True)
    (data / LOG).write_bytes(CONTENT)
    monkeypatch.setenv(kuairand_files.VARIABLE, str(tmp_path / "named"))
    assert find_kuairand() == data


@pytest.mark.parametrize("named", ["empty", "nowhere"])
def test_a_variable_that_names_no_kuairand_is_an_error(tmp_path, monkeypatch, named):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(kuairand_files.VARIABLE, str(tmp_path / named))
    with pytest.raises(ValueError, match=f"RANKING_KUAIRAND_DIR must name a folder with .*{LOG}.*{named}"):
        find_kuairand()
