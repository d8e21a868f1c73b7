import pathlib
import shutil
import tempfile

from sandbox import act, binary, equal, make_certificate, with_backend, works

# The program and its module as a layer has them, but where this test can spoil them.
SAYS = {
    "nothing": None,
    "the module is everybody's": "libmayfly-tls.so is not opened: it or its folder belongs to somebody else, or others",
    "the folder is everybody's": "libmayfly-tls.so is not opened: it or its folder belongs to somebody else, or others",
    "there is none": "TLS needs libmayfly-tls.so, which is neither in .* nor in /opt/lib/mayfly",
    "it is something else": "the TLS module cannot be loaded: ",
}

for spoilt, says in SAYS.items():
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
        folder = pathlib.Path(folder)
        ca, certificate = make_certificate(folder)
        program, module = folder / "extensions/mayfly-telemetry", folder / "lib/mayfly/libmayfly-tls.so"
        for target, source in ((program, binary("mayfly-telemetry")),
                               (module, pathlib.Path(binary("mayfly-telemetry")).parent.parent / "lib/mayfly" / module.name)):
            target.parent.mkdir(parents=True)
            shutil.copy(source, target)
        if spoilt == "the module is everybody's":
            module.chmod(0o666)
        if spoilt == "the folder is everybody's":
            module.parent.chmod(0o777)
        if spoilt == "there is none":
            module.unlink()
        if spoilt == "it is something else":
            module.write_text("not a module")
        with with_backend("--certificate", certificate, scheme="https", variables={"MAYFLY_TELEMETRY_CA_FILE": str(ca)},
                          programs={"mayfly-telemetry": f"#!/bin/sh\nexec {program}\n"}) as (env, backend):
            act(env, "print", 1)
            if says:
                env.wait_for(says)
                works(env)
                equal(backend.everything, [])
            else:
                backend.wait_for("line 0", calls_of=env)
