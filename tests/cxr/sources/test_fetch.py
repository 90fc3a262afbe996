import hashlib
from pathlib import Path

import numpy as np
import pytest

from cxr.errors import UserError
from cxr.sources.fetch import fetch
from cxr.sources.retry import Patience
from tests.server import FileServer, serving

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(n_attempts=3, pause=0.01, silence=0.5)


def get(server: FileServer, path: Path, sha256: str = SHA256) -> None:
    fetch(f"http://127.0.0.1:{server.port}/file", path, sha256, "the server", QUICK)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("script", [[], ["503"], ["429", "500"], ["hang"], ["cut"], ["cut", "cut"]])
def test_it_arrives_whole_in_spite_of(script: list[str], tmp_path: Path) -> None:
    with serving(CONTENT, script) as server:
        get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_cut_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with serving(CONTENT, ["cut"]) as server:
        get(server, tmp_path / "file")
    assert server.requests[1][2].startswith("bytes=1")


def test_a_server_without_ranges_starts_again(tmp_path: Path) -> None:
    with serving(CONTENT, ["cut"]) as server:
        server.has_ranges = False
        get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [400, 403, 500, 501])
def test_a_server_that_fails_at_every_part_is_asked_for_the_whole(status: int, tmp_path: Path) -> None:
    with serving(CONTENT, ["cut"]) as server:
        server.range_status = status
        get(server, tmp_path / "file")
    assert [requested[2][:7] for requested in server.requests] == ["", "bytes=1", ""]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_what_has_arrived_is_kept_where_the_server_refuses_the_whole_too(tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1_000_000])
    with serving(CONTENT, ["403", "403"]) as server:
        with pytest.raises(UserError, match="answered 403"):
            get(server, tmp_path / "file")
        get(server, tmp_path / "file")
    assert [requested[2] for requested in server.requests] == ["bytes=1000000-", "", "bytes=1000000-"]


@pytest.mark.parametrize(
    ("script", "told", "n_requests"),
    [
        (["404"], "answered 404", 1),
        (["403"], "answered 403", 1),
        (["500"] * 3, r"answered 500 \(3 attempts\)", 3),
        (["hang"] * 3, "does not answer", 3),
    ],
)
def test_refusals_are_one_line_and_retried_only_where_it_helps(
    script: list[str], told: str, n_requests: int, tmp_path: Path
) -> None:
    with serving(CONTENT, script) as server, pytest.raises(UserError, match=told) as error:
        get(server, tmp_path / "file")
    assert len(server.requests) == n_requests
    assert "\n" not in str(error.value)
    assert not (tmp_path / "file").exists()


def test_no_server_at_all(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        pass
    with pytest.raises(UserError, match="no connection"):
        get(server, tmp_path / "file")


def test_what_an_interrupted_call_left_is_used_and_a_wrong_sum_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1_000_000])
    with serving(CONTENT) as server:
        get(server, tmp_path / "file")
        assert server.requests[0][2] == "bytes=1000000-"
        with pytest.raises(UserError, match="damaged"):
            get(server, tmp_path / "other", sha256="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
