"""Machines of a Ray cluster, all on this one: `python -m tests.engine.ray_nodes N`. One core each.

Prints the head's address and each machine's process number; a line "add" on stdin adds one and prints its number; they
end with stdin, that is with who started this.
"""

from __future__ import annotations

import os
import sys

STORE = 80 << 20


def main(count):
    """Start, and serve until stdin ends."""
    from ray.cluster_utils import Cluster

    # A dead machine is noticed within two seconds instead of twenty.
    checks = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
    cluster = Cluster()
    try:
        nodes = [
            cluster.add_node(num_cpus=1, object_store_memory=STORE, include_dashboard=False, _system_config=checks)
        ]
        nodes += [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(count - 1)]
        print(cluster.address, *(number(node) for node in nodes), flush=True)
        for _ in sys.stdin:
            print(number(cluster.add_node(num_cpus=1, object_store_memory=STORE)), flush=True)
    finally:
        cluster.shutdown()


def number(node):
    """Process number of the machine's raylet, the parent of its workers."""
    return node.all_processes["raylet"][0].process.pid


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    main(int(sys.argv[1]))
