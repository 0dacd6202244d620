"""What the package would start, for each example; and what it says to wrong arguments. Run by `make test-kurtosis`."""

import os
import re
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import yaml

from runner import PACKAGE, Package, Refused


def example(name):
    return yaml.safe_load((PACKAGE / "examples" / name).read_text())


def rendered(package):
    """The parameter file, its template filled in."""
    file = package.of("templates")["quintet-network"]["network.toml"]
    return tomllib.loads(re.sub(r"{{\.(\w+)}}", lambda match: str(file["data"][match.group(1)]), file["template"]))


class Examples(unittest.TestCase):
    def test_every_example_starts_what_it_says(self):
        expected = {
            "lighthouse.yaml": (["quintet-sidecar-1-lighthouse"], 4),
            "lighthouse-prysm.yaml": (["quintet-sidecar-1-lighthouse", "quintet-sidecar-2-prysm"], 8),
            "gpu.yaml": (["quintet-sidecar-1-lighthouse"], 4),
        }
        self.assertEqual(set(expected), {path.name for path in (PACKAGE / "examples").iterdir()})
        for name, (sidecars, provers) in expected.items():
            with self.subTest(name):
                services = Package(example(name)).of("service")
                self.assertEqual([service for service in services if "sidecar" in service], sidecars)
                self.assertEqual(len([service for service in services if "prover" in service]), provers)
                self.assertIn("quintet-grafana", services)

    def test_a_sidecar_follows_its_own_consensus_client(self):
        services = Package(example("lighthouse-prysm.yaml")).of("service")
        urls = [services[name]["env_vars"]["QUINTET_BEACON_URLS"] for name in services if "sidecar" in name]
        self.assertEqual(urls, ["http://cl-1-lighthouse-geth:4000", "http://cl-2-prysm-nethermind:3500"])

    def test_a_sidecar_is_ready_when_its_health_says_so(self):
        ready = Package(example("lighthouse.yaml")).of("service")["quintet-sidecar-1-lighthouse"]["ready_conditions"]
        self.assertEqual(ready["recipe"]["endpoint"], "/v1/node/health")
        self.assertEqual((ready["field"], ready["assertion"], ready["target_value"]), ("code", "==", 200))

    def test_provers_are_shared_out_and_know_the_other_gateways(self):
        services = Package(example("lighthouse-prysm.yaml")).of("service")
        first = [services[f"quintet-prover-{n}"]["env_vars"]["QUINTET_GATEWAYS"].split(",") for n in range(1, 9)]
        self.assertEqual([gateways[0] for gateways in first], ["http://quintet-sidecar-1-lighthouse:5062", "http://quintet-sidecar-2-prysm:5062"] * 4)
        self.assertTrue(all(len(set(gateways)) == 2 for gateways in first))

    def test_every_prover_has_a_key_and_a_record_of_its_own(self):
        package = Package(example("lighthouse-prysm.yaml"))
        provers = [value for name, value in package.of("service").items() if "prover" in name]
        self.assertEqual(len({prover["env_vars"]["QUINTET_STAKE_KEY"] for prover in provers}), 8)
        self.assertEqual(len({prover["files"]["/data"]["persistent_key"] for prover in provers}), 8)
        self.assertEqual(package.of("task")["quintet-stake-keys"]["env_vars"]["COUNT"], "8")

    def test_the_key_script_makes_what_the_services_mount(self):
        prover = os.environ.get("QUINTET_PROVER", "")
        if not Path(prover).is_file():
            self.skipTest("QUINTET_PROVER names no program, so the key script was not run")
        task = Package(example("lighthouse.yaml")).of("task")["quintet-stake-keys"]
        with tempfile.TemporaryDirectory() as folder:
            path = f"{Path(prover).parent}:{os.environ['PATH']}"
            subprocess.run(["sh", "-c", task["run"]], check=True, env={**os.environ, **task["env_vars"], "PATH": path, "FOLDER": folder}, capture_output=True)
            registry = tomllib.loads((Path(folder) / "provers.toml").read_text())["prover"]
            self.assertEqual(len({entry["pubkey"] for entry in registry}), 4)
            for number in range(1, 5):
                self.assertTrue((Path(folder) / f"prover-{number}" / "keystore.json").is_file())

    def test_the_programs_know_the_variables_that_are_set(self):
        prover = Path(os.environ.get("QUINTET_PROVER", ""))
        sidecar = prover.with_name("quintet-sidecar")
        if not (prover.is_file() and sidecar.is_file()):
            self.skipTest("QUINTET_PROVER names no program, so variables were not compared")
        said = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout
        keys = [line.split()[0] for line in said(sidecar, "config", "keys").splitlines()]
        known = {
            "sidecar": {"QUINTET_" + key.replace(".", "_").upper() for key in keys},
            "prover": set(re.findall(r"env: (QUINTET_\w+)", said(prover, "run", "--help"))),
        }
        for name, service in Package(example("lighthouse-prysm.yaml")).of("service").items():
            for program, variables in known.items():
                if program in name:
                    self.assertLessEqual(set(service["env_vars"]) - {"QUINTET_LOG"}, variables, name)

    def test_gpus_go_to_the_first_provers_one_each(self):
        services = Package(example("gpu.yaml")).of("service")
        gpus = [services[f"quintet-prover-{n}"].get("gpu", {}).get("device_ids") for n in range(1, 5)]
        self.assertEqual(gpus, [["0"], ["1"], None, None])
        self.assertEqual([services[f"quintet-prover-{n}"]["env_vars"]["QUINTET_BACKEND"] for n in range(1, 5)], ["auto", "auto", "cpu", "cpu"])

    def test_the_parameters_are_those_of_the_chain(self):
        args = example("lighthouse.yaml")
        args["network_params"] = {"preset": "minimal", "seconds_per_slot": 6, "network_id": "77", "genesis_fork_version": "0x20000000"}
        parameters = rendered(Package(args))
        self.assertEqual(parameters["SLOT_DURATION_MS"], 6000)
        self.assertEqual(parameters["SLOTS_PER_EPOCH"], 8)
        self.assertEqual(parameters["DEPOSIT_CHAIN_ID"], 77)
        self.assertEqual(parameters["GENESIS_FORK_VERSION"], "0x20000000")
        self.assertEqual(parameters["REDUNDANCY_FACTOR"], 2)

    def test_the_parameters_are_keys_that_the_programs_know(self):
        known = tomllib.loads((PACKAGE.parent / "networks" / "devnet.toml").read_text())
        parameters = rendered(Package(example("lighthouse.yaml")))
        self.assertLessEqual(set(parameters), set(known))
        self.assertTrue(all(type(parameters[key]) is type(known[key]) for key in parameters))

    def test_prometheus_asks_every_service_and_none_without_monitoring(self):
        args = example("lighthouse.yaml")
        jobs = Package(args).of("templates")["quintet-prometheus"]["prometheus.yml"]["data"]["Jobs"]
        self.assertEqual(len(jobs), 5)
        args["quintet"]["monitoring"] = False
        package = Package(args)
        self.assertNotIn("quintet-prometheus", package.of("service"))
        self.assertIsNone(package.output["monitoring"])

    def test_what_is_uploaded_exists(self):
        for source in Package(example("lighthouse.yaml")).of("upload").values():
            self.assertTrue(any((PACKAGE / "src" / source).iterdir()), source)

    def test_dashboards_and_alerts_are_those_of_configs(self):
        grafana = PACKAGE.parent / "grafana"
        shipped = list((PACKAGE / "static").glob("*/*"))
        self.assertEqual({path.name for path in shipped}, {path.name for path in grafana.iterdir()})
        for path in shipped:
            self.assertEqual(path.read_text(), (grafana / path.name).read_text(), path.name)

    def test_without_our_key_everything_has_a_default(self):
        package = Package({})
        self.assertEqual(package.output["gateways"], ["http://quintet-sidecar-1-lighthouse:5062"])
        self.assertEqual(len(package.output["provers"]), 4)


class Refusals(unittest.TestCase):
    def refused(self, ours, sentence, **theirs):
        with self.assertRaises(Refused) as refusal:
            Package({"quintet": ours, **theirs})
        self.assertIn(sentence, str(refusal.exception))

    def test_an_unknown_setting_names_the_nearest(self):
        self.refused({"prover": 4}, "`quintet.prover` is unknown; did you mean `provers`?")
        self.refused({"sidecar_img": "x"}, "did you mean `sidecar_image`?")

    def test_a_wrong_type_is_named(self):
        self.refused({"provers": "four"}, '`quintet.provers` has to be a whole number, not "four" (a text)')
        self.refused({"participants": 1}, "`quintet.participants` has to be a list")
        self.refused([1], "`quintet` has to be a mapping of settings")

    def test_participants_exist_and_are_named_once(self):
        self.refused({"participants": [3]}, "participant 3, but the network has 1")
        self.refused({"participants": []}, "is empty")
        self.refused({"participants": [0, 0]}, "participant 0 twice")
        self.refused({"participants": [-1]}, "it takes indices from 0")

    def test_ranges_are_held(self):
        self.refused({"provers": 3}, "it has to be at least 4")
        self.refused({"redundancy": 0}, "it has to be at least 1")
        self.refused({"gpus": 5}, "more than the 4 provers")
        self.refused({"gpus": 1, "backend": "cpu"}, "`quintet.backend` is `cpu`")
        self.refused({"backend": "cuda"}, "it can be auto, cpu, upstream")
        self.refused({"k_min": 15}, "they have to be ordered and within 11 to 20")
        self.refused({"log_level": "loud"}, "it can be error, warn")

    def test_an_unknown_preset_is_refused(self):
        self.refused({}, "`network_params.preset` is `gnosis`", network_params={"preset": "gnosis"})

    def test_a_key_that_is_not_ours_is_left_to_ethereum_package(self):
        self.refused({}, "Invalid parameter quintett", quintett={})


class Documentation(unittest.TestCase):
    def test_the_readme_has_every_setting_with_its_default(self):
        rows = re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", (PACKAGE / "README.md").read_text(), re.MULTILINE)
        source = (PACKAGE / "src" / "arguments.star").read_text()
        table = re.findall(r'^    "(\w+)": \("\w+", (.*?), "', source, re.MULTILINE)
        self.assertEqual([(name, default.strip('"').replace("True", "true")) for name, default in table], rows)


if __name__ == "__main__":
    unittest.main()
