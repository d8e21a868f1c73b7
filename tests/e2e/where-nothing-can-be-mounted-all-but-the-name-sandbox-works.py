import ctypes
import errno
import os
import platform
import struct
import sys

from sandbox import contains, equal, mayfly_run, misbehaving, telemetry_daemon, works


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def refuse_mounts():
    """From here on mount(2) fails with EPERM, in this process and those it starts."""
    load, jump_if_equal, give_back = 0x20, 0x15, 0x06  # seccomp(2), linux/filter.h
    mount = {"x86_64": 165, "aarch64": 40}[platform.machine()]
    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in (
        (load, 0, 0, 0), (jump_if_equal, 0, 1, mount),
        (give_back, 0, 0, 0x0005_0000 | errno.EPERM), (give_back, 0, 0, 0x7FFF_0000)))
    libc = ctypes.CDLL(None)
    no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    return libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0 and libc.prctl(
        set_seccomp, filter_mode, ctypes.byref(Program(4, instructions)), 0, 0) == 0


if not refuse_mounts():
    sys.exit(77)

with mayfly_run(command=misbehaving(), extensions=["agent"], programs=telemetry_daemon(),
                variables={"MAYFLY_TELEMETRY_DESTINATIONS": "stdout:"}) as env:
    call = env.begin_call(b'{"act":"nothing"}')
    agent = env.actor("agent")
    for namespace in ("mnt", "user"):
        equal(os.readlink(f"/proc/{agent.pid}/ns/{namespace}"), os.readlink(f"/proc/self/ns/{namespace}"))
    equal(agent.run("'sandbox.localdomain' in open('/etc/hosts').read()"), False)
    agent.register([])
    agent.begin_event()
    equal(call.answer().body, b"null")
    works(env)
    env.wait_for(r'"type":"platform\.report"')  # though the daemon has subscribed with that name
    contains(env.output(), "read-only files (no mount namespace: operation not permitted), own /tmp")
    equal(env.log().count("note: sandbox.localdomain does not resolve for the processes: no mount namespace"), 1)
