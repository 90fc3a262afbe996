"""The real kagglehub client against a server on the loopback."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from cxr.errors import UserError
from cxr.sources import archive, kaggle
from cxr.sources.retry import Patience
from cxr.sources.source import Request
from tests.cxr.sources.test_archive import IMAGES, found, members
from tests.server import FileServer, kaggle_environment, serving, zipped

pytestmark = pytest.mark.slow

QUICK = Patience(n_attempts=3, pause=0.01, silence=6.0)
SECRET = "0123456789abcdef-a-key-to-keep"


def whole_archive() -> bytes:
    return zipped(members() | {"chest_xray/ballast": np.random.default_rng(0).bytes(2_000_000)})


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which the client knows only the server; its cache."""
    for name, value in kaggle_environment(tmp_path / "HOME", port=0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(kaggle, "POLL", 0.1)
    return tmp_path / "HOME" / "cache"


def use(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")


@pytest.mark.parametrize("script", [[], ["api-429", "api-503"], ["cut"]])
def test_the_data_set_arrives_in_spite_of(
    script: list[str], client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(whole_archive(), script) as server:
        use(server, monkeypatch)
        archive.copy(kaggle.download(QUICK), tmp_path / "raw", "Kaggle")
        assert found(tmp_path / "raw") == IMAGES
        n_requests = len(server.requests)
        kaggle.download(QUICK)
        assert len(server.requests) == n_requests, "a second call must be served from the cache"
    if script == ["cut"]:
        assert any(wanted.startswith("bytes=") for _, _, wanted in server.requests)


@pytest.mark.parametrize(
    ("script", "told", "n_requests"),
    [
        (["api-401"], "Kaggle answered 401: it does not accept the credentials", 1),
        (["api-403"], "Kaggle answered 403: it refuses access", 1),
        (["api-404"], "Kaggle answered 404: it no longer has the data set", 1),
        (["api-429"] * 3, r"too many requests \(429\) \(3 attempts\)", 3),
        (["api-502"] * 3, r"the server answered 502 \(3 attempts\)", 3),
    ],
)
def test_refusals(
    script: list[str], told: str, n_requests: int, client: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    with serving(whole_archive(), script) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=told) as error:
            kaggle.download(QUICK)
    assert len(server.requests) == n_requests
    assert "\n" not in str(error.value)
    told_to_user = "".join(capfd.readouterr()) + str(error.value)
    assert SECRET not in told_to_user


def test_a_hanging_server_is_left(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(n_attempts=2, pause=0.01, silence=4.0)
    with serving(whole_archive(), ["api-hang"] * 2) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=r"silent for 4 s \(2 attempts\)"):
            kaggle.download(patience)


def test_no_network(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"") as server:
        use(server, monkeypatch)
    with pytest.raises(UserError, match=r"no connection \(3 attempts\); check the network"):
        kaggle.download(QUICK)


@pytest.mark.parametrize("is_md5_right", [True, False])
def test_a_corrupt_archive_does_not_stay_in_the_way(
    is_md5_right: bool, client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(whole_archive()[:-500], []) as server:
        server.is_md5_right = is_md5_right
        use(server, monkeypatch)
        with pytest.raises(UserError, match="arrived damaged"):
            kaggle.download(QUICK)
        server.content, server.is_md5_right = whole_archive(), True
        archive.copy(kaggle.download(QUICK), tmp_path / "raw", "Kaggle")
    assert found(tmp_path / "raw") == IMAGES


def in_zip(change: Callable[[bytearray], None], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of compressed images in which `change` has been made to the bytes of the whole."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", method) as opened:
        for path, content in members().items():
            opened.writestr(path, content)
    whole = bytearray(stored.getvalue())
    change(whole)
    return bytes(whole)


def in_every_header(offset_local: int, offset_central: int, value: int) -> Callable[[bytearray], None]:
    """Set a byte of each entry's two headers (APPNOTE 6.3, sections 4.3.7 and 4.3.12)."""

    def change(whole: bytearray) -> None:
        for mark, offset in ((b"PK\x03\x04", offset_local), (b"PK\x01\x02", offset_central)):
            start = -1
            while (start := whole.find(mark, start + 1)) >= 0:
                whole[start + offset] = value

    return change


def first_byte(whole: bytearray) -> None:
    """Change the first byte of the first entry's content."""
    name_length = int.from_bytes(whole[26:28], "little")
    whole[30 + name_length] = 0xFF


def tar_that_climbs() -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w") as opened:
        info = tarfile.TarInfo("../outside")
        info.size = 4
        opened.addfile(info, io.BytesIO(b"evil"))
    return stored.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (in_zip(in_every_header(6, 8, 1)), "RuntimeError"),  # encrypted
        (in_zip(in_every_header(8, 10, 99)), "NotImplementedError"),  # an unknown way to compress
        (in_zip(first_byte), "error"),  # zlib.error
        (in_zip(first_byte, zipfile.ZIP_BZIP2), "OSError"),  # without a number
        (zipped({"a": b"a file", "a/b": b"in it"}), "FileExistsError|NotADirectoryError"),
        (tar_that_climbs(), "OutsideDestinationError"),
        (b"<html>log in first</html>" * 100, "ValueError"),
    ],
)
def test_an_archive_that_cannot_be_unpacked_is_named_and_does_not_stay(
    content: bytes, kind: str, client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(content) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=rf"arrived damaged \({kind}\) \(1 attempts\)") as error:
            kaggle.download(replace(QUICK, n_attempts=1))
        assert "\n" not in str(error.value)
        server.content = whole_archive()
        archive.copy(kaggle.download(QUICK), tmp_path / "raw", "Kaggle")
    assert found(tmp_path / "raw") == IMAGES


@pytest.mark.parametrize("content", [b"{", b"null", b'{"username": 1, "key": 2}', b"\xff"])
def test_a_malformed_file_of_credentials_is_named(
    content: bytes, client: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "HOME" / ".kaggle"
    folder.mkdir(parents=True)
    (folder / "kaggle.json").write_bytes(content)
    with serving(whole_archive()) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=r"credentials found cannot be used .*; correct or remove them, none"):
            kaggle.download(QUICK)
        assert not server.requests
        (folder / "kaggle.json").unlink()
        kaggle.download(QUICK)


def test_a_credential_that_fits_no_header_is_refused_and_not_shown(
    client: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", f"{SECRET}\nmore")
    with serving(whole_archive()) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match="credentials found cannot be used") as error:
            kaggle.download(QUICK)
    assert SECRET not in "".join(capfd.readouterr()) + str(error.value)


def test_a_cache_that_is_no_folder_is_not_told_to_make_room(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client.parent.mkdir()
    client.write_text("a file")
    with serving(whole_archive()) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=r"cache: Not a directory; set KAGGLEHUB_CACHE to a folder"):
            kaggle.download(QUICK)


def test_a_newer_client_is_no_error(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kagglehub then writes half a line to stdout."""
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    with serving(whole_archive()) as server:
        server.newest_client = "99.0"
        use(server, monkeypatch)
        assert kaggle.download(QUICK).is_dir()


def test_a_killed_process_leaves_no_client_at_work(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = "from cxr.sources import kaggle; from cxr.sources.retry import Patience; kaggle.download(Patience())"
    with serving(whole_archive(), ["api-hang"]) as server:
        use(server, monkeypatch)
        with subprocess.Popen([sys.executable, "-c", call]) as process:
            deadline = time.monotonic() + 60
            while not server.requests and time.monotonic() < deadline:
                time.sleep(0.05)
            (started,) = psutil.Process(process.pid).children()
            os.kill(process.pid, signal.SIGKILL)
        started.wait(timeout=10)


def jpegs(paths: list[str]) -> dict[str, bytes]:
    stored = io.BytesIO()
    Image.new("L", (8, 8), 99).save(stored, "JPEG")
    return dict.fromkeys(paths, stored.getvalue())


@pytest.fixture
def small_source(client: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Kaggle's data set is four images here, each twice as there; its archive."""
    n_one = {"NORMAL": 1, "PNEUMONIA": 1}
    counts = {"train": n_one, "val": {"NORMAL": 0, "PNEUMONIA": 0}, "test": n_one}
    monkeypatch.setattr(kaggle, "SOURCE", replace(kaggle.SOURCE, counts=counts))
    return zipped(jpegs([f"{outer}/{path}" for outer in ("chest_xray", "chest_xray/chest_xray") for path in IMAGES]))


def bring(raw: Path) -> None:
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir()
    kaggle.bring(raw, Request({}, raw.parent, raw.parent))


NORMAL = "train/NORMAL/IM-0001-0001.jpeg"


def lose_an_image(folder: Path) -> None:
    for path in folder.rglob(NORMAL):
        path.unlink()


def cut_an_image(folder: Path) -> None:
    for path in folder.rglob(NORMAL):
        path.write_bytes(path.read_bytes()[:-40])


def change_one_copy(folder: Path) -> None:
    (folder / "chest_xray" / NORMAL).write_bytes(b"another")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lose_an_image, "no images in train/NORMAL"),
        (cut_an_image, "1 of 4 images cannot be used: train/NORMAL/IM-0001-0001.jpeg (truncated"),
        (change_one_copy, "different images under one name: train/NORMAL/IM-0001-0001.jpeg"),
    ],
)
def test_a_bad_cache_is_fetched_anew_once(
    damage: Callable[[Path], None], told: str, small_source: bytes, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    raw = tmp_path / "raw"
    with serving(small_source) as server:
        use(server, monkeypatch)
        bring(raw)
        n_requests = len(server.requests)
        folder = kaggle.download(QUICK)
        damage(folder)
        bring(raw)
        assert len(server.requests) == 2 * n_requests
        assert sorted(found(raw)) == sorted(IMAGES)
        assert f"Kaggle's data set in {folder} is not whole: " in (err := capfd.readouterr().err)
        assert told in err
        bring(raw)
        assert len(server.requests) == 2 * n_requests


def test_what_is_bad_at_its_source_names_the_folder_to_remove(
    small_source: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kaggle, "SOURCE", replace(kaggle.SOURCE, counts={"train": {"NORMAL": 3, "PNEUMONIA": 1}}))
    with serving(small_source) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError) as error:
            bring(tmp_path / "raw")
        assert str(error.value) == (
            "Kaggle's data set is not whole, nor when fetched anew: 1 images instead of 3 in train/NORMAL; remove "
            f"{kaggle.download(QUICK)} and run it again later, or use another data.source"
        )
    assert [method for method, *_ in server.requests].count("POST") == 2
