"""A watched attempt: what it tells of recorded names, where it stands, what code between its steps may not do."""

import json

from harness import Folder


class Watched(Folder):
    def begin(self, body: str, recorded: tuple[str, ...] = (), live: bool = False, head: str = ""):
        """A watched attempt of a handler with this body, whose recorded steps have their names as results."""
        self.workflow(body, head=head)
        host = self.host()
        header = {"t": "start", "r": 1, "run_id": "run", "task_id": "task", "workflow_name": "w"}
        kinds = ["step" for _ in recorded]
        values = [json.dumps(name) for name in recorded]
        host.send("null", *values, **header, names=list(recorded), kinds=kinds, watch={"live": live})
        return host

    def test_it_tells_each_recorded_name_with_its_place_and_asks_before_a_new_body(self) -> None:
        host = self.begin('await ctx.step("a", None)\nreturn await ctx.step("b", lambda: 1 / 0)', ("a",))
        reached = host.until("reached")
        self.assertEqual((reached["step"], reached["kind"], reached["pos"]), ("a", "step", f"{self.dir}/w.py:5"))
        asked = host.until("suspend")
        self.assertEqual([(at["step"], at["kind"], at["pos"]) for at in asked["waits"]], [("b", "step", f"{self.dir}/w.py:6")])
        host.send('"told"', t="resolved", r=1, q=asked["q"], steps=["b"], kinds=["step"])
        self.assertEqual(host.until("result").value, "told")

    def test_a_body_runs_when_it_is_told_to_and_is_put(self) -> None:
        host = self.begin('return await ctx.step("a", lambda: 7)', live=True)
        asked = host.until("suspend")
        host.send("null", t="resolved", r=1, q=asked["q"], steps=["a"], kinds=["run"])
        put = host.until("put")
        self.assertEqual((put["step"], put.value), ("a", 7))
        host.send(t="ok", r=1, q=put["q"])
        self.assertEqual(host.until("result").value, 7)

    def test_it_asks_once_every_branch_stands(self) -> None:
        body = 'await asyncio.gather(*(ctx.step(n, lambda: n) for n in "abc"), ctx.sleep("nap", 0))'
        host = self.begin(body, ("b",))
        asked = host.until("suspend")
        self.assertEqual([at["step"] for at in asked["waits"]], ["a", "c", "nap"])
        self.assertEqual([frame["step"] for frame in host.kinds("reached")], ["b"])

    def test_a_refusal_fails_the_step(self) -> None:
        host = self.begin('await ctx.step("a", lambda: 1)')
        asked = host.until("suspend")
        host.send(t="no", r=1, q=asked["q"], error="not here")
        error = host.until("error")
        self.assertEqual((error["name"], error["message"]), ("RuntimeError", "not here"))

    def test_code_between_steps_reaches_nothing(self) -> None:
        for code, event in (
            ('import socket\n    socket.create_connection(("127.0.0.1", 9))', "socket.connect"),
            ('import subprocess\n    subprocess.run(["true"])', "subprocess.Popen"),
            ('open("/tmp/chiron-never-written", "w")', "open"),
            ('os.system("true")', "os.system"),
        ):
            with self.subTest(event):
                host = self.begin(f"try:\n    {code}\nexcept Exception:\n    pass\nreturn 1")
                error = host.until("error")
                self.assertEqual(error["name"], "OutsideStep")
                self.assertIn(event, error["message"])

    def test_it_may_read_files_and_import(self) -> None:
        host = self.begin("import colorsys\nreturn len(open(__file__).read()) > 1 and colorsys.__name__")
        self.assertEqual(host.until("result").value, "colorsys")

    def test_the_use_of_the_database_ends_the_attempt(self) -> None:
        code = "from chiron_host.watched import NoPool\ntry:\n    NoPool().fetch\nexcept Exception:\n    pass\nreturn 1"
        error = self.begin(code).until("error")
        self.assertEqual((error["name"], error["message"]), ("OutsideStep", "ctx._pool.fetch was used outside a step"))

    def test_an_attempt_that_nobody_watches_is_as_before(self) -> None:
        self.workflow('open(os.devnull, "w").close()\nreturn await ctx.step("a", lambda: 1)')
        host = self.host()
        self.assertEqual(host.run().value, 1)
        self.assertEqual(host.kinds("reached"), [])
