import subprocess
import sys
from pathlib import Path

from local.ports import PORTS, free_port, free_ports

ALL_BUT_ONE = """
import sys
from local.ports import PORTS, free_port
print(free_port(taken=set(PORTS) - {int(sys.argv[1])}))
"""


def test_a_port_is_given_out_once_as_long_as_the_process_lives() -> None:
    port = free_port()
    asked_elsewhere = [sys.executable, "-c", ALL_BUT_ONE, str(port)]

    other = subprocess.run(asked_elsewhere, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE)

    assert b"no port from" in other.stderr


def test_a_process_gives_no_port_out_twice() -> None:
    ports = free_ports(50)

    assert len(set(ports)) == 50
    assert set(ports) <= set(PORTS)
