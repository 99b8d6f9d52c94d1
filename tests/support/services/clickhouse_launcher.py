"""Runs the ClickHouse library as a server: python clickhouse_launcher.py LIBRARY FOLDER PORT

The library runs as clickhouse-local, which ends with its last query. The last query here reads from a
pipe that nobody writes to, so it holds the server open until SIGTERM closes the pipe; then the engine
shuts down as it does after any query. Stands alone: nothing of the project is imported.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
from types import FrameType


def main(library: str, folder: str, port: int) -> int:
    reading_end, writing_end = os.pipe()
    hold = f"SELECT line FROM file('/dev/fd/{reading_end}', 'LineAsString', 'line String') FORMAT Null;"
    queries = os.path.join(folder, "listen.sql")
    with open(queries, "w", encoding="utf-8") as file:
        file.write(f"SYSTEM START LISTEN HTTP;\n{hold}\n")

    arguments = [
        "clickhouse",
        f"--path={os.path.join(folder, 'data')}",
        "--listen_host=127.0.0.1",
        f"--http_port={port}",
        "--output-format=TabSeparated",
        f"--queries-file={queries}",
        # What follows is configuration: where BACKUP … TO File may write.
        "--",
        f"--backups.allowed_path={os.path.join(folder, 'backups')}",
    ]
    chdb = ctypes.CDLL(library)
    chdb.chdb_set_signal_handlers_enabled.argtypes = [ctypes.c_bool]
    chdb.chdb_set_signal_handlers_enabled(False)  # signals are ours, below
    chdb.chdb_query_cmdline.restype = ctypes.c_void_p
    chdb.chdb_result_error.argtypes = [ctypes.c_void_p]
    chdb.chdb_result_error.restype = ctypes.c_char_p

    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    errors: list[str] = []

    def serve() -> None:
        argv = (ctypes.c_char_p * len(arguments))(*(argument.encode() for argument in arguments))
        result = chdb.chdb_query_cmdline(len(arguments), argv)
        if result and (error := chdb.chdb_result_error(result)):
            errors.append(error.decode(errors="replace"))
        stopping.set()

    # In a thread, so that this one is free to run the signal handlers.
    server = threading.Thread(target=serve)
    server.start()
    stopping.wait()
    os.close(writing_end)
    server.join(timeout=0.5)
    hang_up(port)
    server.join()
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


def hang_up(port: int) -> None:
    """End the connections that clients keep open: the engine would wait 5 s for each idle one."""
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.getsockname()[1] == port:
                    connection.shutdown(socket.SHUT_RDWR)
        except (OSError, IndexError, TypeError):
            continue  # not a connection, or gone by now


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
