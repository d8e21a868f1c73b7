"""The images of docker/, built with buildah on a base of nothing but this
machine's C library and the official emulator, and run in containers.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import consumer
import rie

DOCKER = rie.CHECKOUT / "docker"
RIE_INSIDE = "/usr/local/bin/aws-lambda-rie"  # where AWS's base has it
BASE = """FROM scratch
COPY root /
ENV LAMBDA_TASK_ROOT=/var/task
WORKDIR /var/task
"""
ORDER = {"id": "a1", "items": [{"sku": "tea", "quantity": 2, "unit_price": 4.5}]}


def build(tag, file, context, base=None):
    options = ["--build-arg", f"BASE={base}"] if base else []
    consumer.run("buildah", "bud", "--quiet", "--isolation", "chroot", *options, "-f", file, "-t", tag, context)


@unittest.skipIf(os.geteuid() != 0, "containers are built and run as root here")
class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.base, cls.image, cls.function = (f"localhost/mayfly-test-{os.getpid()}-{name}"
                                             for name in ("base", "image", "function"))
        cls.addClassCleanup(subprocess.run, ["buildah", "rmi", "--force", cls.function, cls.image, cls.base],
                            capture_output=True)
        cls.build_base()
        build(cls.image, DOCKER / "Dockerfile", consumer.RELEASE, cls.base)
        build(cls.function, DOCKER / "function.Dockerfile", consumer.RELEASE, cls.image)

    @classmethod
    def build_base(cls):
        root = cls.folder / "base" / "root"
        programs = [consumer.RELEASE / path for path in ("bin/bootstrap", "bin/mayfly-telemetry", "examples/orders")]
        words = consumer.run("ldd", *programs).split()
        for path in {word for word in words if word.startswith("/lib")}:
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        emulator = root / RIE_INSIDE.lstrip("/")
        emulator.parent.mkdir(parents=True)
        shutil.copy(rie.program(), emulator)
        emulator.chmod(0o755)
        (root / "var/task").mkdir(parents=True)
        (cls.folder / "base" / "Dockerfile").write_text(BASE)
        build(cls.base, cls.folder / "base" / "Dockerfile", cls.folder / "base")

    def start(self, image, handler, *options):
        """As Lambda runs an image: nothing writable but /tmp, not root."""
        podman = ["podman", "--runtime", "runc", "run", "--rm", "--network", "host",
                  "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
                  "--read-only", "--user", "993:990", "--tmpfs", "/tmp:size=64m,mode=1777",
                  "--entrypoint", RIE_INSIDE, *options, image]
        return rie.Rie(["/var/runtime/bootstrap", handler], around=podman, inside=True)

    def test_the_base_image_runs_a_shared_object_beside_the_telemetry_extension(self):
        task = consumer.unpack(consumer.build_installed(self.folder) / "handler.zip", self.folder / "task")
        with self.start(self.image, "handler.so:echo", "-v", f"{task}:/var/task:ro") as emulator:
            self.assertEqual(emulator.invoke('"cold"'), '"cold"')
            self.assertEqual(emulator.invoke('"warm"'), '"warm"')
            self.assertRegex(emulator.log(), "agent mayfly-telemetry .*registered")

    def test_the_function_image_runs_its_program(self):
        with self.start(self.function, "price") as emulator:
            self.assertEqual(json.loads(emulator.invoke(json.dumps(ORDER)))["total"], 9)


if __name__ == "__main__":
    unittest.main()
