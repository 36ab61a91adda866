"""How attempts and processes end: failures, exits, stalls, a lost runtime."""

import signal
import time
import unittest

from harness import NONCE, Folder


class Ends(Folder):
    def test_an_error_names_the_file_and_line_and_no_frame_of_the_host(self) -> None:
        """Conformance 11."""
        path = self.workflow('raise ValueError("boom")')
        error = self.host().run()
        self.assertEqual((error["name"], error["message"]), ("ValueError", "boom"))
        self.assertIn(f'{path}", line 5', error.value)
        self.assertNotIn("chiron_host", error.value)

    def test_a_non_retryable_error_says_so(self) -> None:
        self.workflow('from api.workflow_engine import NonRetryableError\nraise NonRetryableError("never")')
        self.assertIs(self.host().run()["retryable"], False)

    def test_exits_and_cancellations_end_as_failed_attempts_and_the_process_goes_on(self) -> None:
        """Conformance 111."""
        self.workflow(
            """
            if inp == "exit": sys.exit(3)
            if inp == "interrupt": raise KeyboardInterrupt
            if inp == "cancel": raise asyncio.CancelledError
            if inp == "task": await asyncio.create_task(leave())
            if inp == "callback":
                asyncio.get_running_loop().call_soon(sys.exit)
                await asyncio.sleep(0.01)
            return "alive"
            """,
            head="async def leave(): sys.exit(4)",
        )
        host = self.host()
        for value, name, part in (
            ("exit", "SystemExit", "sys.exit(3)"),
            ("interrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
            ("cancel", "CancelledError", "cancelled"),
            ("task", "SystemExit", "sys.exit(4)"),
        ):
            error = host.run(value)
            self.assertEqual((error["t"], error["name"]), ("error", name))
            self.assertIn(part, error["message"])
        host.start(2, value="callback")
        host.until("host_error", r=None)
        self.assertEqual(host.until("result").value, "alive")

    def test_an_unknown_workflow_is_an_error_with_the_files_problem(self) -> None:
        self.write("broken.py", 'WORKFLOW_NAME = "broken"\nimport nothing_of_this_name\n')
        host = self.host()
        self.assertIn("unknown workflow_name 'nobody'", host.run(name="nobody")["message"])
        self.assertIn("nothing_of_this_name", host.run(name="broken")["message"])

    def test_results_are_serialised_as_the_reference_does(self) -> None:
        """Conformance 38."""
        self.workflow(
            """
            if inp == "nan": return float("nan")
            if inp == "keys": return {(1,): 2}
            return Out(1, datetime.date(2026, 1, 2), Inner(3))
            """,
            head="""
            import datetime
            from dataclasses import dataclass
            @dataclass
            class Inner:
                x: int
            @dataclass
            class Out:
                n: int
                when: object
                inner: Inner
            """,
        )
        host = self.host()
        self.assertEqual(host.run().value, {"n": 1, "when": "2026-01-02", "inner": {"x": 3}})
        self.assertIn("nan", host.run("nan")["message"])
        self.assertIn("key", host.run("keys")["message"])

    def test_the_process_ends_with_its_input_even_when_the_loop_is_stuck(self) -> None:
        """Conformance 18."""
        self.workflow('print("stuck", flush=True)\ntime.sleep(600)')
        for stuck in (False, True):
            host = self.host()
            if stuck:
                host.start()
                host.send(t="ping", at=1)
                host.until("stall", r=1)
            host.input.close()
            self.assertEqual(host.ended(2.0), 0)

    def test_a_stall_names_the_run_and_the_place_and_its_end_is_told(self) -> None:
        path = self.workflow("time.sleep(1.6)\nreturn 1")
        host = self.host()
        host.start(7)
        stall = host.until("stall")
        self.assertEqual((stall["r"], stall["where"]), (7, f"{path}:5 in handler"))
        self.assertGreaterEqual(stall["ms"], 1000)
        kinds = {host.next()["t"] for _ in range(2)}
        self.assertEqual(kinds, {"unstall", "result"})

    def test_a_sync_handler_holds_up_nobody(self) -> None:
        """Conformance 27."""
        self.write("s.py", 'import time\nWORKFLOW_NAME = "s"\ndef handler(inp, ctx):\n    time.sleep(inp)\n    return ctx.run_id\n')
        self.workflow("return 1")
        host = self.host()
        host.start(1, "s", 0.3)
        host.start(2)
        self.assertEqual(host.next()["r"], 2)
        self.assertEqual(host.until("result", r=1).value, "run-1")

    def test_exit_waits_for_the_active_runs(self) -> None:
        self.workflow("await asyncio.sleep(0.05)\nreturn 1")
        host = self.host()
        host.start()
        host.send(t="exit")
        self.assertEqual(host.until("result").value, 1)
        self.assertEqual(host.ended(), 0)

    def test_what_a_handler_started_ends_with_the_runtime_too(self) -> None:
        """Conformance 18."""
        self.workflow(
            """
            import subprocess
            reader, writer = os.pipe()
            os.set_inheritable(writer, True)
            child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], close_fds=False)
            ctx.log(str(child.pid))
            await asyncio.sleep(600)
            """
        )
        host = self.host(own_group=True)
        host.start()
        child = int(host.until("log")["message"])
        host.input.close()
        self.assertEqual(host.ended(), -signal.SIGKILL)
        deadline = time.monotonic() + 10
        while _runs(child):
            self.assertLess(time.monotonic(), deadline, "the handler's child outlived the runtime")
            time.sleep(0.01)

    def test_a_start_that_cannot_be_read_ends_its_run(self) -> None:
        host = self.host()
        host.write(NONCE + '{"t":"start","r":7}\n')
        self.assertIn("run_id", host.until("error", r=7)["message"])

    def test_lines_without_the_nonce_are_never_acted_on(self) -> None:
        host = self.host()
        host.write('{"t":"exit"}\n')
        self.assertIn("nonce", host.until("host_error", r=None)["message"])
        host.send(t="ping", at=1)
        host.until("pong")

    def test_output_of_another_size_than_the_pipe_is_written_whole(self) -> None:
        self.workflow("return 'x' * 3_000_000 + str(inp)")
        host = self.host()
        for r in range(1, 9):
            host.start(r, value=r)
        host.send(t="exit")
        ends = {host.until("result", r=r).value[-1] for r in range(1, 9)}
        self.assertEqual(len(ends), 8)
        self.assertEqual(host.ended(), 0)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
