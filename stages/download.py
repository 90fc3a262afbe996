"""the data source -> data/raw, data/details/download.json"""

from dataclasses import asdict
from pathlib import Path

from cxr import files
from cxr.sources.records import SOURCES, DataParams, check_apart
from cxr.sources.source import Request
from stages import project

RAW = Path("data/raw")


def main() -> None:
    name = project.read_params(DataParams, "data").source
    source = SOURCES[name]
    request = Request(project.read_yaml(Path("params.yaml")), project.home(), project.scratch("downloads"))
    check_apart(request.params["data"], request.home)
    with project.alone("download"), files.whole(RAW) as raw:
        raw.mkdir()
        brought = source.bring(raw, request)
    project.write_details(
        "download",
        {
            "source": name,
            "address": source.address,
            "licence": source.licence,
            "images": source.images,
            "expected_counts": brought.counts,
            **asdict(brought.origin),
        },
    )


if __name__ == "__main__":
    project.run(main)
