"""`python -m core`: the command line, and the processes that the service starts: workers, and one that merges."""

import sys


def main() -> None:
    """Start what the service asks for, else the command line."""
    if sys.argv[1:2] == ["worker"]:
        from core.bootstrap_worker import run_worker

        run_worker(lane=sys.argv[2], parent_pid=int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["merger"]:
        from core.bootstrap_worker import run_merger

        run_merger(export_id=sys.argv[2], parent_pid=int(sys.argv[3]))
        return
    from core.cli.main import run_cli

    sys.exit(run_cli(sys.argv[1:]))


if __name__ == "__main__":
    main()
