"""POST /extension/register, and who may ask for events."""

import uuid

import divergences
from actor import EXTENSION
from case import Case, main


class Register(Case):
    """One environment with an external extension that has not registered yet."""

    def setUp(self):
        self.start(extensions=["agent"])
        self.call = self.environment.begin_call()
        self.agent = self.environment.actor("agent")

    def test_an_identifier_and_the_function_are_the_answer(self):
        answer = self.agent.register(["INVOKE", "SHUTDOWN"])
        self.answers(answer, 200)
        identifier = answer.header("Lambda-Extension-Identifier")
        self.assertEqual(str(uuid.UUID(identifier)), identifier)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(list(answer.json()), ["functionName", "functionVersion", "handler"])
        self.assertEqual(answer.json()["functionVersion"], "$LATEST")

    def test_the_account_is_told_on_request(self):
        answer = self.agent.register(headers={"Lambda-Extension-Accept-Feature": "other, accountId"})
        self.answers(answer, 200)
        self.differs(divergences.ACCOUNT_ID, "accountId" in answer.json(), mayfly=True, rie=False)
        if self.on_mayfly:
            self.assertRegex(answer.json()["accountId"], r"^\d{12}$")
            self.assertEqual(list(answer.json())[0], "accountId")

    def test_the_handler_is_the_runtimes(self):
        answer = self.agent.register([])
        self.agent.begin_event()
        handler = self.environment.actor().environment["_HANDLER"]  # the command's last word, but for mayfly run
        self.differs(divergences.REGISTERED_HANDLER, answer.json()["handler"] == handler, mayfly=True, rie=False)

    def test_a_name_that_is_not_the_files_is_an_internal_extensions(self):
        self.answers(self.agent.register(["SHUTDOWN"], name="another"), 403, "Extension.InvalidEventType",
                     "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
        self.answers(self.agent.register(["INVOKE"], name="another"), 200)

    def test_no_events_are_fine(self):
        self.answers(self.agent.register([]), 200)

    def test_an_empty_name_is_refused(self):
        self.answers(self.agent.register(name=""), 403, "Extension.InvalidExtensionName", "Empty extension name")
        answer = self.agent.request("POST", EXTENSION + "/register", b'{"events":[]}')
        self.answers(answer, 403, "Extension.InvalidExtensionName", "Empty extension name")

    def test_a_body_that_is_not_the_request_is_refused(self):
        for body in (b"", b"{", b"[]", b'{"events":"INVOKE"}'):
            with self.subTest(body):
                self.answers(self.agent.register(body=body), 403, "InvalidRequestFormat")

    def test_an_empty_body_ends_too_early(self):
        self.answers(self.agent.register(body=b""), 403, "InvalidRequestFormat", "unexpected end of JSON input")

    def test_configuration_keys_are_refused(self):
        answer = self.agent.register(body=b'{"events":[],"configurationKeys":["a"]}')
        self.answers(answer, 403, "InvalidRequestFormat",
                     "configurationKeys are deprecated; use environment variables instead")

    def test_an_unknown_event_is_refused(self):
        self.answers(self.agent.register(["INVOKE", "FOO"]), 403, "Extension.InvalidEventType",
                     "FOO: ErrorInvalidEventType")

    def test_a_second_register_is_refused_by_the_state(self):
        self.answers(self.agent.register(), 200)
        self.answers(self.agent.register(), 403, "Extension.InvalidExtensionState",
                     "State transition from Registered to Registered failed for extension agent. "
                     "Error: State transition is not allowed")

    def test_a_refused_register_may_be_tried_again(self):
        self.answers(self.agent.register(["FOO"]), 403)
        self.answers(self.agent.register(), 200)

    def test_the_runtime_starts_after_all_external_extensions_have_registered(self):
        self.assertNotIn("runtime", [actor.name for actor in self.environment.stage.actors()])
        self.agent.register()
        self.assertGreater(self.environment.actor("runtime").pid, 0)


class Launch(Case):
    """Extensions that do not come to register."""

    def fails(self, message):
        answer = self.environment.call()
        self.differs(divergences.EXTENSION_LAUNCH, answer.status, mayfly=200, rie=502)
        if self.on_mayfly:
            self.answers(answer, answer.status, "Extension.LaunchError")
            self.assertRegex(answer.json()["errorMessage"], f"^RequestId: .* Error: {message}$")
            self.assertEqual(answer.header("X-Amz-Function-Error"), "Unhandled")
        else:
            self.assertEqual(answer.body, b"")
        self.assertEqual(self.environment.stage.actors(), [])  # not even the runtime

    def test_an_eleventh_file_fails_the_init(self):
        self.start(programs={f"agent-{number}": "#!/bin/sh\nexec sleep 60\n" for number in range(11)})
        self.fails(r"Extension limit \(10\) reached")

    def test_a_file_that_is_not_executable_fails_the_init(self):
        self.start(programs={"agent": "#!/bin/sh\n"})
        (self.environment.extension_folder / "agent").chmod(0o644)
        self.fails("fork/exec .*/agent: permission denied")


class RegisterInternal(Case):
    """Extensions in the runtime's own process."""

    def setUp(self):
        self.start()
        self.call = self.environment.begin_call()
        self.runtime = self.environment.actor()

    def test_invoke_may_be_asked_for(self):
        self.answers(self.runtime.register(["INVOKE"], name="inside"), 200)

    def test_shutdown_may_not(self):
        self.answers(self.runtime.register(["SHUTDOWN"], name="inside"), 403, "Extension.InvalidEventType",
                     "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")

    def test_a_name_is_given_once(self):
        self.answers(self.runtime.register([], name="inside"), 200)
        self.answers(self.runtime.register([], name="inside"), 403, "Extension.InvalidExtensionState",
                     "Extension with this name already registered")

    def test_ten_extensions_are_the_limit(self):
        for number in range(10):
            self.answers(self.runtime.register([], name=f"inside-{number}"), 200)
        self.answers(self.runtime.register([], name="one-more"), 403, "Extension.TooManyExtensions",
                     "Extension limit (10) reached")

    def test_registration_ends_with_the_runtimes_first_next(self):
        event = self.runtime.next()
        self.answers(self.runtime.register([], name="late"), 403, "Extension.RegistrationClosed",
                     "Extension registration closed already")
        self.runtime.respond(event.request_id)
        self.runtime.begin_next()
        self.answers(self.call.answer(), 200)


class Identifier(Case):
    def setUp(self):
        self.start(extensions=["agent"])
        self.environment.begin_call()
        self.agent = self.environment.actor("agent")

    def ask(self, method, path, identifier, headers=None):
        headers = dict(headers or {})
        if identifier is not None:
            headers["Lambda-Extension-Identifier"] = identifier
        return self.agent.request(method, EXTENSION + path, b"{}" if method == "POST" else None, headers)

    def test_a_missing_broken_or_unknown_identifier_is_refused(self):
        unknown = str(uuid.uuid4())
        typed = {"Lambda-Extension-Function-Error-Type": "Extension.Broken"}
        for method, path, headers, text in (
            ("GET", "/event/next", {}, f"Unknown extension {unknown}"),
            ("POST", "/init/error", typed, "Unknown Lambda-Extension-Identifier"),
            ("POST", "/exit/error", typed, "Unknown Lambda-Extension-Identifier"),
        ):
            with self.subTest(path):
                self.answers(self.ask(method, path, None, headers), 403, "Extension.MissingExtensionIdentifier",
                             "Missing Lambda-Extension-Identifier header")
                self.answers(self.ask(method, path, "zzz", headers), 403, "Extension.InvalidExtensionIdentifier",
                             "Invalid Lambda-Extension-Identifier")
                self.answers(self.ask(method, path, unknown, headers), 403, "Extension.UnknownExtensionIdentifier",
                             text)

    def test_error_calls_need_an_error_type(self):
        self.agent.register()
        for path in ("/init/error", "/exit/error"):
            with self.subTest(path):
                self.answers(self.ask("POST", path, self.agent.identifier), 403, "Extension.MissingHeader",
                             "Lambda-Extension-Function-Error-Type not found")


if __name__ == "__main__":
    main()
