"""The build; everything but the copying of the workspace's files is in setup.cfg."""

from pathlib import Path
from shutil import copytree, ignore_patterns

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithWorkspace(build_py):
    """Puts the shipped scenarios and recommenders into the wheel, for `abbotify new`."""

    def run(self) -> None:
        """Builds the package, then copies the two folders beside its other templates."""
        super().run()
        if self.editable_mode:  # a clone has the folders themselves
            return
        templates = Path(self.build_lib) / "abbotify" / "cli" / "templates"
        for folder in ("scenarios", "recommenders"):
            ignored = ignore_patterns("__pycache__")
            copytree(folder, templates / folder, ignore=ignored, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithWorkspace})
