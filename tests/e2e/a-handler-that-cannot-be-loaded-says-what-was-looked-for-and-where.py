import struct

from sandbox import binary, is_function_error, mayfly_run

ARM64 = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHI", 3, 183, 1) + bytes(40)

for handler, error_type, said in (
    ("none.so:price", "Runtime.HandlerNotFound", ".*none.so.*/opt/lib/none.so.*"),
    ("price", "Runtime.InvalidHandler", ".*'price'.*file.so:symbol.*"),
    ("../up.so:price", "Runtime.InvalidHandler", ".*file.so:symbol.*"),
    ("text.so:price", "Runtime.HandlerNotLoadable", ".*text.so.*ELF.*"),
    ("arm.so:price", "Runtime.HandlerNotLoadable", ".*arm.so is for arm64.*x86_64.*"),
    ("empty.so:price", "Runtime.HandlerNotFound", ".*no handler 'price'.*mayfly_handler_price.*"),
):
    with mayfly_run(command=[binary("bootstrap")], handler=handler) as env:
        (env.folder / "text.so").write_text("no shared object")
        (env.folder / "arm.so").write_bytes(ARM64)
        (env.folder / "empty.so").symlink_to(binary("libempty.so"))
        is_function_error(env.call(), error_type, said)
