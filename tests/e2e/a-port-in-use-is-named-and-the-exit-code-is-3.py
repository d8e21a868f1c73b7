import socket

from sandbox import binary, contains, equal, run

with socket.socket() as holder:
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    port = holder.getsockname()[1]
    ended = run([binary("mayfly"), "run", "--listen", f"127.0.0.1:{port}", "--", binary("echo_function")])
equal(ended.returncode, 3)
contains(ended.stderr, f"port {port} is taken")
contains(ended.stderr, "--listen")
