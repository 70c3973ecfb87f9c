"""Wire formats that the adapters and the simulated exchange share: schemas and the modules generated from them.

Regenerate with the package grpcio-tools, in the project's folder, then format; the first line of both generated files,
`# mypy: ignore-errors`, is ours:
`python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. marketdata/schemas/upstox_feed_v3.proto`
"""
