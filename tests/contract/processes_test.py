"""What a process of the environment is given: variables, descriptors, signals."""

import os
import re

import divergences
from case import Case, main
from environment import own_mounts

# AWS Lambda Developer Guide, "Defined runtime environment variables" and
# "Lambda Extensions API": those of an OS-only runtime, on demand.
BOTH = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LANG", "PATH", "LD_LIBRARY_PATH", "TZ",
        "AWS_LAMBDA_LOG_FORMAT"}
RUNTIME_ONLY = {"_HANDLER", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT",
                "LAMBDA_RUNTIME_DIR", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",
                "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"}


class Processes(Case):
    def setUp(self):
        os.environ["A_SECRET_OF_THE_SHELL"] = "canary"
        self.addCleanup(os.environ.pop, "A_SECRET_OF_THE_SHELL")
        self.start(extensions=["agent"], variables={"MODE": "a=b c"})
        self.environment.begin_call()
        self.agent = self.environment.actor("agent")
        self.agent.register()
        self.agent.begin_event()
        self.runtime = self.environment.actor()

    def test_the_runtime_gets_lambdas_variables(self):
        given = self.runtime.environment
        self.assertEqual(given["AWS_LAMBDA_FUNCTION_VERSION"], "$LATEST")
        self.assertEqual(given["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], str(self.environment.memory_mb))
        self.assertRegex(given["AWS_LAMBDA_RUNTIME_API"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(given["MODE"], "a=b c")
        self.differs(divergences.CLEAN_VARIABLES, given.get("A_SECRET_OF_THE_SHELL"), mayfly=None, rie="canary")

    def test_the_runtime_gets_exactly_these(self):
        if self.as_rie(divergences.CLEAN_VARIABLES):
            self.skipTest("it passes on what it was given itself")
        self.assertEqual(set(self.runtime.environment), BOTH | RUNTIME_ONLY | {"MODE"})

    def test_an_extension_does_not_get_the_functions_own(self):
        names = set(self.agent.environment) - {"PWD", "SHLVL", "_", "OLDPWD"}  # of the script's shell
        for hidden in ("_HANDLER", "AWS_XRAY_CONTEXT_MISSING"):
            self.assertNotIn(hidden, names)
        if self.on_mayfly_run:
            self.assertEqual(names, BOTH | {"MODE"})
        self.differs(divergences.EXTENSION_VARIABLES, "AWS_LAMBDA_LOG_GROUP_NAME" in names, mayfly=False, rie=True)

    def test_values_are_as_documented(self):
        if self.as_rie(divergences.CLEAN_VARIABLES):
            self.skipTest("it passes on what it was given itself")
        given = self.runtime.environment
        for name, pattern in {
            "AWS_REGION": r"us-east-1", "AWS_DEFAULT_REGION": r"us-east-1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": r"on-demand", "LANG": r"en_US\.UTF-8", "TZ": r":UTC",
            "AWS_LAMBDA_LOG_GROUP_NAME": r"/aws/lambda/\w+",
            "AWS_LAMBDA_LOG_STREAM_NAME": r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}",
            "PATH": r".*/usr/local/bin:/usr/bin/?:/bin:/opt/bin.*", "AWS_LAMBDA_LOG_FORMAT": r"Text",
            "AWS_XRAY_CONTEXT_MISSING": r"LOG_ERROR", "_AWS_XRAY_DAEMON_PORT": r"2000",
        }.items():
            with self.subTest(name):
                self.assertTrue(re.fullmatch(pattern, given[name]), f"{name}={given[name]}")

    def test_nothing_is_open_but_the_three_standard_descriptors(self):
        for actor in (self.runtime, self.agent):
            with self.subTest(actor.name):
                opened = actor.hello["descriptors"]
                self.assertEqual(sorted(opened), ["0", "1", "2"], opened)
                self.assertEqual(opened["0"], "/dev/null")

    def test_no_signal_is_blocked_or_ignored(self):
        # Python itself ignores SIGPIPE (13) and SIGXFSZ (25).
        pythons = 1 << 12 | 1 << 24
        for actor in (self.runtime, self.agent):
            with self.subTest(actor.name):
                self.assertEqual(actor.hello["blocked_signals"], 0)
                self.assertEqual(actor.hello["ignored_signals"] & ~pythons, 0)

    def test_each_process_leads_a_group_of_its_own(self):
        for actor in (self.runtime, self.agent):
            self.assertEqual(actor.hello["group"], actor.pid)

    def test_the_runtimes_working_folder_is_the_functions(self):
        self.assertEqual(self.runtime.hello["folder"], str(self.environment.folder))
        if self.on_mayfly_run:
            self.assertEqual(self.runtime.environment["LAMBDA_TASK_ROOT"], str(self.environment.folder))

    def test_sandbox_localdomain_is_the_loopback_address(self):
        if self.on_rie:
            self.skipTest("it has no telemetry to send there")
        if not own_mounts():
            self.environment.wait_for("sandbox.localdomain does not resolve for the processes: no mount namespace")
            self.skipTest("its name needs a mount namespace")
        look_up = "__import__('socket').gethostbyname('sandbox.localdomain')"
        self.assertEqual(self.agent.run(look_up), "127.0.0.1")


class GivenVariables(Case):
    def test_extensions_do_not_see_what_the_emulator_has_of_the_functions(self):
        hidden = {"AWS_EXECUTION_ENV": "AWS_Lambda_test", "LAMBDA_TASK_ROOT": "/tmp"}
        os.environ.update(hidden)
        for name in hidden:
            self.addCleanup(os.environ.pop, name)
        self.start(extensions=["agent"])
        self.environment.begin_call()
        given = self.environment.actor("agent").environment
        for name, value in hidden.items():
            self.differs(divergences.EXTENSION_VARIABLES, given.get(name), mayfly=None, rie=value)

    def test_which_process_gets_names_with_an_underscore(self):
        os.environ["_OF_THE_SHELL"] = "canary"
        self.addCleanup(os.environ.pop, "_OF_THE_SHELL")
        self.start(extensions=["agent"])
        self.environment.begin_call()
        agent = self.environment.actor("agent")
        agent.register()
        agent.begin_event()
        self.differs(divergences.CLEAN_VARIABLES, self.environment.actor().environment.get("_OF_THE_SHELL"),
                     mayfly=None, rie="canary")
        if not self.on_mayfly_run:  # which passes it to neither
            self.differs(divergences.EXTENSION_VARIABLES, "_OF_THE_SHELL" in agent.environment, mayfly=True, rie=False)


if __name__ == "__main__":
    main()
