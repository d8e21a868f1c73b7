"""Builds and packages the user's project in consumer/."""

import pathlib
import subprocess

RELEASE = pathlib.Path(__file__).resolve().parents[2] / "build/release"
PROJECT = pathlib.Path(__file__).parent / "consumer"
NOTHING_INSTALLED = ["-DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_simdjson=ON"]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def configure(source, build, *options):
    """As a user's project, without curl or simdjson of its own."""
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", *NOTHING_INSTALLED, *options)


def build(folder, *options):
    """The folder with hello.zip, hello_static.zip and handler.zip, below `folder`."""
    build = folder / "build"
    configure(PROJECT, build, *options)
    run("cmake", "--build", build, "--target", "package_hello", "package_hello_static", "package_handler")
    return build


def install(folder):
    """The prefix of an installed Mayfly, which was moved after the install."""
    run("cmake", "--install", RELEASE, "--prefix", folder / "installed")
    return (folder / "installed").rename(folder / "moved")


def build_installed(folder):
    """build() against an installed Mayfly."""
    return build(folder, f"-DCMAKE_PREFIX_PATH={install(folder)}")


def unpack(package, folder):
    run("unzip", "-q", package, "-d", folder)
    return folder
