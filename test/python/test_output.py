"""Everything a handler writes becomes a log line of its run and never reaches the protocol; limits hold."""

import unittest

from harness import Folder


class Output(Folder):
    def test_print_and_subprocess_output_become_log_lines_of_the_run(self) -> None:
        """Conformance 14, 15."""
        self.workflow(
            """
            import subprocess
            print("printed")
            print("no newline", end="")
            sys.stderr.write("to stderr\\n")
            sys.stdout.buffer.write(b"bytes\\n")
            os.write(1, b"raw\\n")
            os.system("echo from a shell")
            subprocess.run(["sh", "-c", "echo to the other >&2"], stdout=sys.stdout)
            return "done"
            """
        )
        host = self.host()
        self.assertEqual(host.run().value, "done")
        logs = {(log["r"], log["source"], log["message"]) for log in host.kinds("log")}
        wanted = [("stdout", text) for text in ("printed", "no newlinebytes", "raw", "from a shell")]
        wanted += [("stderr", "to stderr"), ("stderr", "to the other")]
        self.assertEqual(logs, {(1, source, text) for source, text in wanted})

    def test_a_replay_does_not_log_again_what_was_logged_on_the_way_there(self) -> None:
        self.workflow(
            """
            ctx.log("before a")
            await ctx.step("a", lambda: 1)
            ctx.log("before b")
            await ctx.step("b", lambda: 2)
            ctx.log("before c")
            await ctx.step("c", lambda: 3)
            ctx.log("at the end")
            """
        )
        first, again = self.host(), self.host()
        first.run()
        self.assertEqual([log["message"] for log in first.kinds("log")], ["before a", "before b", "before c", "at the end"])
        again.run(recorded=[("a", "step", 1), ("b", "step", 2)])
        self.assertEqual([log["message"] for log in again.kinds("log")], ["before c", "at the end"])

    def test_a_recorded_step_that_the_code_no_longer_has_silences_nothing(self) -> None:
        self.workflow('await ctx.step("new", lambda: 1)\nctx.log("heard")')
        host = self.host()
        host.run(recorded=[("old", "step", 1)])
        self.assertEqual([log["message"] for log in host.kinds("log")], ["heard"])

    def test_print_is_attributed_to_the_run_that_wrote_it(self) -> None:
        self.workflow(
            """
            for n in range(3):
                await asyncio.gather(asyncio.to_thread(print, inp, n), asyncio.sleep(0.001))
            """
        )
        host = self.host()
        for r in (1, 2, 3):
            host.start(r, value=f"run {r}")
        ended: set[int] = set()
        while len(ended) < 3:
            ended.add(host.until("result").get("r", 0))
        self.assertEqual(len(host.kinds("log")), 9)
        for log in host.kinds("log"):
            self.assertTrue(log["message"].startswith(f"run {log['r']} "), dict(log))

    def test_module_level_output_names_the_file_that_is_imported(self) -> None:
        """Conformance 14."""
        path = self.workflow("pass", head='print("loading"); os.write(1, b"raw\\n")')
        host = self.host()
        host.discover()
        logs = [(log["r"], log["message"], log["file"]) for log in host.kinds("log")]
        self.assertCountEqual(logs, [(None, "loading", path), (None, "raw", path)])

    def test_a_flood_neither_blocks_nor_grows_nor_hides_the_result(self) -> None:
        self.workflow(
            """
            import resource
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            line = "x" * 99
            for _ in range(1_000_000):
                print(line)
            chunk = b"y" * 65535 + b"\\n"
            for _ in range(1600):
                os.write(1, chunk)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            """
        )
        host = self.host(log_limit_bytes=100_000)
        self.assertLess(host.run().value, 64 * 1024)
        logs = host.kinds("log")
        self.assertLess(sum(len(log["message"]) for log in logs), 101_000)
        self.assertEqual([log["message"] for log in logs if "truncated" in log["message"]], [logs[-1]["message"]])

    def test_long_lines_are_cut(self) -> None:
        self.workflow('print("z" * 100_000)\nprint("next")\nos.write(1, b"q" * 200_000 + b"\\nlast\\n")')
        host = self.host(capture_line_limit=50)
        host.run()
        self.assertCountEqual(host.messages(), ["z" * 50 + "…", "next", "q" * 50 + "…", "last"])

    def test_ctx_log_and_metric_need_no_answer(self) -> None:
        """Conformance 13."""
        self.workflow(
            """
            ctx.log("began", n=1, who={"a"}, level="warning")
            ctx.metric("items", 3, kind="gauge", lane="x")
            """
        )
        host = self.host()
        host.run()
        (log,), (metric,) = host.kinds("log"), host.kinds("metric")
        self.assertEqual((log["source"], log["level"], log["message"]), ("log", "warn", "began"))
        self.assertEqual(log.value, {"n": 1, "who": "{'a'}", "level": "warning"})
        self.assertEqual((metric["kind"], metric["name"], metric["value"], metric.value), ("gauge", "items", 3, {"lane": "x"}))

    def test_a_fork_in_a_handler_cannot_speak_for_the_host(self) -> None:
        self.workflow(
            """
            import warnings
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                child = os.fork()
            if child == 0:
                print("in the child")
                ctx.log("as the child")
                os._exit(0)
            os.waitpid(child, 0)
            return await ctx.step("after", lambda: "fine")
            """
        )
        host = self.host()
        self.assertEqual(host.run().value, "fine")
        self.assertEqual(host.messages(), ["in the child"])

    def test_stdin_reads_nothing(self) -> None:
        self.workflow("return [os.read(0, 10).decode(), sys.stdin.read()]")
        self.assertEqual(self.host().run().value, ["", ""])


if __name__ == "__main__":
    unittest.main()
