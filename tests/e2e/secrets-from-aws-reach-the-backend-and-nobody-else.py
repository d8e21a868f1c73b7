import base64
import json
import pathlib
import secrets
import tempfile

from aws_services import REGION, moto
from sandbox import MARKER, act, equal, process_named, with_backend

# The backend lets in whoever has all four; the daemon's variables name them.
canary = {name: "canary" + secrets.token_hex(8) for name in ("manager", "parameter", "kms", "file")}

with moto() as aws, tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
    folder = pathlib.Path(folder)
    manager, parameters, keys = (aws.client(service) for service in ("secretsmanager", "ssm", "kms"))
    arn = manager.create_secret(Name="logs", SecretString=json.dumps({"token": canary["manager"]}))["ARN"]
    parameters.put_parameter(Name="/logs/key", Value=canary["parameter"], Type="SecureString")
    key = keys.create_key()["KeyMetadata"]["KeyId"]
    blob = base64.b64encode(keys.encrypt(KeyId=key, Plaintext=canary["kms"].encode())["CiphertextBlob"]).decode()
    (folder / "secret").write_text(canary["file"] + "\n")
    (folder / "expected").write_text(" ".join(canary.values()))
    references = [f"${{secretsmanager:{arn}#token}}", "${ssm:/logs/key}", f"${{kms:{blob}}}", f"${{file:{folder}/secret}}"]
    header = "%20".join(reference.replace("%", "%25") for reference in references)
    before = aws.calls()

    with with_backend("--require", "X-Key", folder / "expected", options=("--region", REGION),
                      variables={**aws.variables, "OTEL_EXPORTER_OTLP_HEADERS": f"X-Key={header}"}) as (env, backend):
        act(env, "print", 1)
        backend.wait_for("line 0", calls_of=env)
        equal(aws.calls(), before + 3)
        pid = process_named("mayfly-telemetry", env.variables[MARKER])

        # A secret that has changed: the backend's 401 asks for it, and nothing is lost.
        canary["manager"] = "canary" + secrets.token_hex(8)
        manager.put_secret_value(SecretId=arn, SecretString=json.dumps({"token": canary["manager"]}))
        (folder / "expected").write_text(" ".join(canary.values()))
        act(env, "print", 2)
        backend.wait_for("line 1", calls_of=env)

        status = pathlib.Path(f"/proc/{pid}/limits").read_text()
        equal(next(line.split()[4] for line in status.splitlines() if line.startswith("Max core")), "0")
        everything = [env.everything(), pathlib.Path(f"/proc/{pid}/cmdline").read_text(), json.dumps(backend.everything)]
        everything += [file.read_text(errors="replace") for file in env.folder.rglob("*") if file.is_file()]
        equal([text for text in everything if "canary" in text], [])
