import pathlib
import tempfile

from sandbox import binary, contains, equal, run

with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "file"
    file.touch()
    for wrong in (pathlib.Path(folder) / "missing", file):
        ended = run([binary("mayfly"), "run", "--listen", "127.0.0.1:0", "--extensions", wrong,
                     "--", binary("echo_function")])
        equal(ended.returncode, 5)
        contains(ended.stderr, str(wrong))
        contains(ended.stderr, "error: ")
