"""Every folder of modules is a package below ``apprehend``; all else is in pyproject.toml.

``apprehend`` itself is the folder ``interface``.
"""

from setuptools import find_packages, setup

FOLDERS = ("benchmark", "estimators", "reports", "tasks")

setup(
    packages=[
        "apprehend",
        *(
            ".".join(("apprehend", folder, *filter(None, [inner])))
            for folder in FOLDERS
            for inner in ("", *find_packages(folder))
        ),
    ]
)
