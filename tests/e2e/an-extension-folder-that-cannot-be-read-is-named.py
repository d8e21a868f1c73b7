import os
import pathlib
import tempfile

from sandbox import binary, contains, equal, run

# Root may read everything, unless it gives that up.
AS_ANYBODY = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def is_refused(extensions, because):
    ended = run([*AS_ANYBODY, binary("mayfly"), "run", "--listen", "127.0.0.1:0", "--extensions", extensions,
                 "--", binary("echo_function")])
    equal(ended.returncode, 5)
    contains(ended.stderr, f"error: the extension folder {extensions} {because}\n")


with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "file"
    file.touch()
    is_refused(pathlib.Path(folder) / "missing", "is not there")
    is_refused(file, "is not there")
    locked = pathlib.Path(folder) / "locked"
    locked.mkdir()
    (locked / "agent").touch(0o755)
    for mode in (0o000, 0o333, 0o444):
        locked.chmod(mode)
        is_refused(locked, "cannot be read")
    locked.chmod(0o755)
