import pathlib
import tempfile

from sandbox import act, binary, make_certificate, own_mounts, with_backend, works

# /etc holds nothing but this; the daemon's own settings name no file.
BUNDLE = "/etc/pki/tls/certs/ca-bundle.crt"
MOUNTS = " ".join(own_mounts())


def daemon(prepare):
    """As {name: script}: the daemon with an /etc of its own."""
    return {"mayfly-telemetry": f"""#!/bin/sh
exec {MOUNTS} sh -c '{prepare} && exec {binary("mayfly-telemetry")}'
"""}


with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
    ca, certificate = make_certificate(pathlib.Path(folder))
    empty = "mount -t tmpfs none /etc"
    filled = f"ca=$(cat {ca}) && {empty} && mkdir -p /etc/pki/tls/certs && echo \"$ca\" >{BUNDLE}"
    with with_backend("--certificate", certificate, scheme="https", programs=daemon(filled)) as (env, backend):
        act(env, "print", 1)
        backend.wait_for("line 0", calls_of=env)
    with with_backend("--certificate", certificate, scheme="https", programs=daemon(empty)) as (env, backend):
        act(env, "print", 1)
        env.wait_for(f"there is no {BUNDLE} or /etc/ssl/certs/ca-certificates.crt")
        works(env)
        assert not backend.everything
