"""params.yaml -> data/params_checked.txt

Every section is checked before the first stage works. The file says always the same: new parameters that are good
make nothing run again that does not read them.
"""

from pathlib import Path

from cxr import files, sections
from cxr.sources import records
from stages import project


def main() -> None:
    params = project.read_yaml(Path("params.yaml"))
    sections.check(params)
    # Here and not only in download: before that runs DVC removes its outputs.
    records.check_apart(params["data"], project.home())
    with files.whole("data/params_checked.txt") as partial:
        partial.write_text("every section of params.yaml is good\n")


if __name__ == "__main__":
    project.run(main)
