"""Copies the shared libraries of a folder of wheels, and their licences, into one folder.

    python scripts/unpack_wheels.py WHEELS TARGET

All libraries land side by side in TARGET, where the loader finds one beside the other; licences and notices land in
TARGET/licences/<package>/. A file is written beside its place and renamed, so a reader never sees half of one.
"""

import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

LICENCES = ("license", "licence", "notice", "thirdpartynotices", "copying", "copyright", "eula")


def destination(member: str, package: str, target: Path) -> Path | None:
    """Where a wheel's member goes, or None for what isn't wanted."""
    path = PurePosixPath(member)
    if ".so" in path.suffixes and path.name.startswith("lib"):
        return target / path.name
    if path.name.lower().startswith(LICENCES) and path.suffix in ("", ".txt", ".md"):
        return target / "licences" / package / path.name
    return None


def unpack(wheel: Path, target: Path) -> int:
    """Unpacks one wheel; returns the number of libraries written."""
    package = wheel.name.split("-")[0]
    libraries = 0
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            place = destination(member, package, target)
            if place is None:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(place.name + ".part")
            with archive.open(member) as source, part.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            part.replace(place)
            libraries += place.parent == target
    return libraries


def main() -> None:
    wheels, target = Path(sys.argv[1]), Path(sys.argv[2])
    found = sorted(wheels.glob("*.whl"))
    count = sum(unpack(wheel, target) for wheel in found)
    if not count:
        sys.exit(f"error: no shared library in the {len(found)} wheels of {wheels}\n       Delete that folder and try again.")


if __name__ == "__main__":
    main()
