"""TLS for gRPC, from files: what the hub shows and wants to see, and what a bank shows and believes."""

from __future__ import annotations

from pathlib import Path

import grpc

from pix.runtime.settings_error import SettingsError


def read_pem(path: str, variable: str) -> bytes:
    """The file that the variable names. Raises SettingsError, which names the variable."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{variable}: cannot read {path}: {error.strerror}") from None


def server_credentials(certificate: str, key: str, client_ca: str) -> grpc.ServerCredentials | None:
    """For the hub; None without any file: then gRPC is not encrypted. With a client CA callers must show a certificate.

    Raises SettingsError for a file that cannot be read, and when one is given without the other that it needs.
    """
    if not (certificate or key or client_ca):
        return None
    if not (certificate and key):
        raise SettingsError("GRPC_TLS_CERTIFICATE and GRPC_TLS_KEY: the one needs the other, the client CA needs both")
    pair = (read_pem(key, "GRPC_TLS_KEY"), read_pem(certificate, "GRPC_TLS_CERTIFICATE"))
    authority = read_pem(client_ca, "GRPC_TLS_CLIENT_CA") if client_ca else None
    return grpc.ssl_server_credentials([pair], authority, require_client_auth=authority is not None)


def channel_credentials(authority: str, certificate: str, key: str) -> grpc.ChannelCredentials | None:
    """For a bank; None without any file: then its calls are not encrypted. Raises SettingsError likewise."""
    if not (authority or certificate or key):
        return None
    if not authority:
        raise SettingsError("HUB_TLS_CA: is needed to know the hub by, when HUB_TLS_CERTIFICATE or HUB_TLS_KEY is set")
    if bool(certificate) != bool(key):
        raise SettingsError("HUB_TLS_CERTIFICATE and HUB_TLS_KEY: the one needs the other")
    return grpc.ssl_channel_credentials(
        read_pem(authority, "HUB_TLS_CA"),
        read_pem(key, "HUB_TLS_KEY") if key else None,
        read_pem(certificate, "HUB_TLS_CERTIFICATE") if certificate else None,
    )
