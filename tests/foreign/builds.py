"""The functions and clients that are not ours, built from this folder by their own
tools with pinned versions: once, into build/foreign-<language>, and again when
their sources here have changed.

    python3 builds.py go rust node java     # ahead of the tests

A machine without the tool, with one too old, or without its registry raises Missing:
there is nothing to test with. What is fetched and then does not build is a failure.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"
BUILD_TIMEOUT_S = 600


class Missing(Exception):
    """Why there is nothing to test with here, in a line."""


def need(tool, least):
    """`tool` is there and of that version at least, a pair of numbers."""
    if not shutil.which(tool):
        raise Missing(f"no {tool}")
    for option in ("--version", "version"):
        said = subprocess.run([tool, option], capture_output=True, text=True)
        if said.returncode == 0:
            break
    version = re.search(r"(\d+)\.(\d+)", said.stdout)
    if not version or tuple(map(int, version.groups())) < least:
        raise Missing(f"{tool} is older than {'.'.join(map(str, least))}: {said.stdout.splitlines()[:1]}")


def run(*command, **named):
    subprocess.run([str(word) for word in command], check=True, timeout=BUILD_TIMEOUT_S,
                   stdin=subprocess.DEVNULL, **named)


def fetch(*command, **named):
    """A command that needs a registry."""
    try:
        run(*command, capture_output=True, text=True, **named)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
        said = (failure.stderr or failure.stdout or str(failure)).strip().splitlines()
        raise Missing(f"{command[0]} cannot fetch what is needed: {said[0] if said else failure}") from failure


@contextlib.contextmanager
def _alone(folder):
    """Tests run beside each other."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\n{path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _built(language, build, of):
    """The folder with what `build(sources, folder)` makes of the files `of`, a pattern."""
    sources, folder = HERE / language, BUILD / f"foreign-{language}"
    with _alone(folder):
        stamp, wanted = folder / "built-from", _digest([pathlib.Path(__file__), *sorted(sources.glob(of))])
        if not stamp.exists() or stamp.read_text() != wanted:
            build(sources, folder)
            stamp.write_text(wanted)
    return folder


# -- Go --

def _build_go(sources, folder):
    need("go", (1, 26))
    variables = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    fetch("go", "mod", "download", cwd=sources, env=variables)
    run("go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-o", folder / "function", ".", cwd=sources, env=variables)


def go():
    """A function of aws-lambda-go."""
    return _built("go", _build_go, "*.*") / "function"


# -- Rust --

def _build_rust(sources, folder):
    need("cargo", (1, 85))
    variables = {**os.environ, "CARGO_TARGET_DIR": str(folder), "CARGO_NET_RETRY": "0"}
    fetch("cargo", "fetch", "--locked", cwd=sources, env=variables)
    run("cargo", "build", "--quiet", "--locked", cwd=sources, env=variables)


def rust(program):
    """A program of src/bin: a function of lambda_runtime, an extension of lambda-extension."""
    return _built("rust", _build_rust, "**/*.*") / "debug" / program


# -- Node.js --

def _build_node(sources, folder):
    need("npm", (9, 0))
    for file in ("package.json", "package-lock.json"):
        shutil.copy(sources / file, folder)
    fetch("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "0", "--loglevel", "error",
          cwd=folder)


    client = folder / "node_modules" / "aws-lambda-ric"
    headers = pathlib.Path(shutil.which("node")).resolve().parent.parent / "include" / "node"
    if (headers / "node_api.h").exists():
        _build_node_client(client, headers, folder / "aws-lambda-cpp")


def _build_node_client(package, headers, sources):
    """The native part of aws-lambda-ric, from the sources in its package. Its install
    script would build libcurl, too, which takes a minute; the system's does as well."""
    need("g++", (8, 0))
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir()
    run("tar", "-xJf", package / "deps" / "aws-lambda-cpp.tar.xz", "--exclude=._*", "-C", sources,
        stderr=subprocess.DEVNULL)
    version = (sources / "src" / "version.cpp.in").read_text()
    (sources / "src" / "version.cpp").write_text(re.sub(r"@PROJECT_VERSION\w*@", "0", version))
    run("g++", "-std=c++17", "-shared", "-fPIC", "-fvisibility=hidden", "-w", "-DNAPI_CPP_EXCEPTIONS", f"-I{headers}",
        f"-I{package.parent / 'node-addon-api'}", f"-I{sources / 'include'}",
        package / "src" / "native" / "rapid-client.cc",
        *(sources / "src" / name for name in ("runtime.cpp", "logging.cpp", "version.cpp")),
        "-o", package / "rapid-client.node", "-lcurl")


def node_modules():
    """A folder with node_modules: the AWS SDK, and aws-lambda-ric."""
    need("node", (20, 0))
    return _built("node", _build_node, "*.json") / "node_modules"


def node():
    """The command of aws-lambda-ric."""
    package = node_modules() / "aws-lambda-ric"
    if not (package / "rapid-client.node").exists():
        raise Missing("no node_api.h beside node")
    return ["node", package / "index.mjs"]


# -- Java --

def _build_java(sources, folder):
    need("javac", (11, 0))
    need("mvn", (3, 6))
    fetch("mvn", "--batch-mode", "--quiet", "-f", sources / "pom.xml", "dependency:copy-dependencies",
          f"-DoutputDirectory={folder / 'lib'}")
    run("javac", "-d", folder / "classes", "-cp", f"{folder / 'lib'}/*", sources / "Function.java")


def java():
    """The command of Java's runtime interface client; its one word more is the handler."""
    need("java", (11, 0))
    folder = _built("java", _build_java, "*.*")
    # What a short life needs: no compiler that thinks ahead, no threads to collect with.
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp",
            f"{folder / 'classes'}:{folder / 'lib'}/*", "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"]


if __name__ == "__main__":
    for language in sys.argv[1:]:
        try:
            print(language, {"go": go, "rust": lambda: rust("function"), "node": node, "java": java}[language]())
        except Missing as missing:
            print(f"{language}: {missing}")
