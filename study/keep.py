"""Keep finished experiments as plain files: `python -m study.keep FOLDER NAME ...`, all without names.

What `python -m study.report --kept FOLDER` needs of each run, to redraw tables and figures without training again. A
run that is kept already stays. Where the experiment holds something else by now, it is replaced only if that is asked.
What has the name of a run and is none is never replaced.
"""

import argparse

from cxr.arguments import folder_to_write
from cxr.errors import UserError
from stages import project
from study import experiments, results


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study.keep",
        description="Keep finished experiments as plain files, for `python -m study.report --kept FOLDER`: parameters, "
        "curves, metrics and test predictions, no images and no networks.",
    )
    parser.add_argument("folder", type=folder_to_write, metavar="FOLDER", help="where to write a folder for each")
    experiments.add_names(parser)
    parser.add_argument("--replace", action="store_true", help="replace those kept there before that have changed")
    arguments = parser.parse_args()
    refs = experiments.chosen(arguments.names)
    folder = arguments.folder
    kept = set(results.kept(folder))
    if in_the_way := [folder / name for name in refs if name not in kept and (folder / name).exists()]:
        raise UserError(f"{in_the_way[0]} is there already and is no kept run; name another folder")
    before = set() if arguments.replace else set(refs) & kept
    if others := sorted(name for name in before if not results.is_kept(folder, name, refs[name])):
        raise UserError(f"{folder} keeps {', '.join(others)} already, with other content; add --replace to replace it")
    for name, ref in refs.items():
        if name not in before:
            results.keep(folder, name, ref)
        print(folder / name)


if __name__ == "__main__":
    project.run(main)
