# A function's image: a program linked with mayfly::runtime is its own bootstrap,
# and chooses its handler by CMD.
#
#   docker build -f docker/function.Dockerfile -t orders build/release
#   docker run --rm -p 9000:8080 orders
#
# A handler that is a shared object goes beside the bootstrap of the base instead:
#
#   COPY orders.so /var/task/
#   CMD ["orders.so:price"]

ARG BASE=mayfly
FROM ${BASE}
COPY --chmod=755 examples/orders /var/runtime/bootstrap
CMD ["price"]
