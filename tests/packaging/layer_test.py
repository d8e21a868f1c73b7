"""The layer zips, unpacked into /opt of a mount namespace of their own, serve a
function under the official emulator.
"""

import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest
import zipfile

import consumer
import rie

LAYERS = consumer.RELEASE / "layers"


def own_mounts():
    """The words that give a command mounts of its own, or None."""
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    return None


class LayerTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def unpack(self, *layers):
        opt = self.folder / "opt"
        for layer in layers:
            subprocess.run(["unzip", "-q", LAYERS / layer, "-d", opt], check=True)
        return opt

    def handler(self):
        return consumer.unpack(consumer.build_installed(self.folder) / "handler.zip", self.folder / "task")

    def start(self, opt, command, **named):
        if not own_mounts():
            self.skipTest("neither root nor user namespaces: /opt cannot be the layers'")
        mount = 'mount --bind "$0" /opt && exec "$@"'
        return rie.Rie(command, around=[*own_mounts(), "sh", "-c", mount, opt], **named)

    def test_programs_are_executable_by_every_user(self):
        for layer in LAYERS.glob("*.zip"):
            for entry in zipfile.ZipFile(layer).infolist():
                with self.subTest(f"{layer.name}: {entry.filename}"):
                    self.assertEqual(stat.S_IMODE(entry.external_attr >> 16), 0o755)

    def test_the_runtime_layer_runs_a_shared_object(self):
        opt = self.unpack("mayfly-runtime.zip")
        task = self.handler()
        with self.start(opt, ["/opt/bootstrap", "handler.so:echo"], folder=task,
                        variables={"LAMBDA_TASK_ROOT": str(task)}) as emulator:
            self.assertEqual(emulator.invoke('{"from":"a layer"}'), '{"from":"a layer"}')
            self.assertIn('"errorType":"Echo.Asked"', emulator.invoke('"fail"').replace(" ", ""))

    def test_the_telemetry_layer_is_started_and_leaves_the_function_alone(self):
        opt = self.unpack("mayfly-runtime.zip", "mayfly-telemetry.zip")
        task = self.handler()
        with self.start(opt, ["/opt/bootstrap", "handler.so:echo"], folder=task,
                        variables={"LAMBDA_TASK_ROOT": str(task)}) as emulator:
            self.assertEqual(emulator.invoke('"one"'), '"one"')
            self.assertEqual(emulator.invoke('"two"'), '"two"')
            self.assertRegex(emulator.log(), "agent mayfly-telemetry .*registered")


if __name__ == "__main__":
    unittest.main()
