from sandbox import is_function_error, mayfly_run, misbehaving

with mayfly_run(command=misbehaving(), programs={"agent": "#!/bin/sh\n"}) as env:
    (env.extension_folder / "agent").chmod(0o644)
    is_function_error(env.call(), "Extension.LaunchError", ".*agent.*permission denied.*")
