"""A generation does not change under its processes, and no byte code of an older text is ever run."""

import hashlib
import json
import os
import py_compile
import unittest

from harness import Folder


class Snapshots(Folder):
    def snapshot(self) -> dict[str, str]:
        """The manifest and blobs of the folder as it is."""
        blobs = os.path.join(self.base, "blobs")
        os.makedirs(blobs, exist_ok=True)
        files: dict[str, str] = {}
        for folder, _, names in os.walk(self.dir):
            for name in sorted(names):
                path = os.path.join(folder, name)
                with open(path, "rb") as stream:
                    content = stream.read()
                files[path] = hashlib.sha256(content).hexdigest()
                with open(os.path.join(blobs, files[path]), "wb") as stream:
                    stream.write(content)
        manifest = os.path.join(self.base, "manifest.json")
        with open(manifest, "w", encoding="utf-8") as stream:
            json.dump({"files": files}, stream)
        return {"manifest": manifest, "blobs": blobs}

    def test_code_comes_from_the_snapshot_also_when_it_is_imported_late(self) -> None:
        self.write("late.py", "VALUE = 'old'\n")
        self.write("pack/__init__.py", "")
        self.write("pack/part.py", "VALUE = 'old'\n")
        path = self.workflow("import late\nfrom pack.part import VALUE\nreturn [late.VALUE, VALUE]")
        snapshot = self.snapshot()
        host = self.host(snapshot=snapshot)
        self.write("late.py", "VALUE = 'new'\n")
        os.remove(os.path.join(self.dir, "pack", "part.py"))
        os.remove(path)
        self.workflow("return 'added later'", "added")
        self.assertEqual(host.run().value, ["old", "old"])
        self.assertEqual([w["workflow_name"] for w in host.discover()["workflows"]], ["w"])

    def test_a_file_that_is_not_named_is_read_from_disk_and_becomes_a_blob(self) -> None:
        self.workflow("import extra\nreturn extra.VALUE")
        snapshot = self.snapshot()
        extra = self.write("../extra.py", "VALUE = 'extra'\n")
        self.assertEqual(self.host(snapshot=snapshot).run().value, "extra")
        with open(extra, "rb") as stream:
            digest = hashlib.sha256(stream.read()).hexdigest()
        self.assertTrue(os.path.exists(os.path.join(snapshot["blobs"], digest)))

    def test_tracebacks_show_the_lines_that_ran(self) -> None:
        self.workflow("raise ValueError('the old line')")
        snapshot = self.snapshot()
        host = self.host(snapshot=snapshot)
        self.workflow("raise ValueError('the new line')")
        self.assertIn("raise ValueError('the old line')", host.run().value)

    def test_byte_code_is_cached_by_content_and_path(self) -> None:
        self.write("one/helper_a.py", "import sys\nNAME = sys._getframe().f_code.co_filename\n")
        self.write("two/helper_b.py", "import sys\nNAME = sys._getframe().f_code.co_filename\n")
        self.workflow("from one import helper_a\nfrom two import helper_b\nreturn [helper_a.NAME, helper_b.NAME]")
        snapshot = self.snapshot()
        names: list[str] = []
        for _ in range(2):
            names = self.host(snapshot=snapshot).run().value
            self.assertEqual([os.path.basename(name) for name in names], ["helper_a.py", "helper_b.py"])
        cached = [name for name in os.listdir(snapshot["blobs"]) if name.endswith(".pyc")]
        self.assertEqual(len(cached), 3)
        for name in cached:
            with open(os.path.join(snapshot["blobs"], name), "wb") as stream:
                stream.write(b"broken")
        self.assertEqual(self.host(snapshot=snapshot).run().value, names)

    def test_a_stale_pyc_of_equal_size_and_time_is_not_trusted(self) -> None:
        """CPython itself would: it compares size and second."""
        helper = self.write("helper.py", "VALUE = 'old'\n")
        os.utime(helper, (1_700_000_000, 1_700_000_000))
        py_compile.compile(helper)
        self.write("helper.py", "VALUE = 'new'\n")
        os.utime(helper, (1_700_000_000, 1_700_000_000))
        self.workflow("import helper\nreturn helper.VALUE")
        self.assertEqual(self.host().run().value, "new")


if __name__ == "__main__":
    unittest.main()
