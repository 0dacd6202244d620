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
            "staking.yaml": (["quintet-sidecar-1-lighthouse"], 4),
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


class Staking(unittest.TestCase):
    def staked(self, **ours):
        args = example("staking.yaml")
        args["quintet"].update(ours)
        return Package(args)

    def test_contracts_come_first_then_deposits_then_validators_then_sidecars(self):
        names = [note["name"] for note in self.staked().notes if note["what"] in ("task", "service")]
        steps = ["quintet-stake-keys", "quintet-contracts", "quintet-deposits", "quintet-validators", "quintet-sidecar-1-lighthouse"]
        self.assertEqual([name for name in names if name in steps], steps)

    def test_the_contracts_are_those_of_this_chain(self):
        task = self.staked().of("task")["quintet-contracts"]
        env = task["env_vars"]
        self.assertEqual((task["image"], env["RPC_URL"]), ("quintet-contracts:latest", "http://el-1-geth-lighthouse:8545"))
        self.assertEqual((env["SECONDS_PER_SLOT"], env["SLOTS_PER_EPOCH"], env["GENESIS_TIME"]), ("6", "8", "1700000000"))
        self.assertEqual(int(env["GENESIS_FORK_VERSION"]), 0x10000038)
        self.assertTrue(env["PRIVATE_KEY"].startswith("0xbcbc"))
        script = (PACKAGE.parents[1] / "contracts" / "script" / "Deploy.s.sol").read_text()
        read = set(re.findall(r'vm\.envOr\("(\w+)"', script))
        self.assertLessEqual(set(env) - {"RPC_URL", "PRIVATE_KEY", "FOLDER", "VALIDATORS"}, read)

    def test_parameters_go_with_the_contracts(self):
        parameters = rendered(self.staked())
        self.assertEqual((parameters["REGISTRY_LOOKBACK_EPOCHS"], parameters["REGISTRY_DELAY_EPOCHS"]), (4, 5))
        parameters = rendered(Package(example("lighthouse.yaml")))
        self.assertEqual((parameters["REGISTRY_LOOKBACK_EPOCHS"], parameters["REGISTRY_DELAY_EPOCHS"]), (0, 1))

    def test_a_sidecar_has_its_provers_from_the_contracts(self):
        service = self.staked().of("service")["quintet-sidecar-1-lighthouse"]
        self.assertEqual(service["env_vars"]["QUINTET_CONFIG"], "/deployment/sidecar.toml")
        self.assertNotIn("QUINTET_REGISTRY", service["env_vars"])
        self.assertEqual((service["files"]["/deployment"], service["files"]["/validators"]), ("quintet-deployment", "quintet-validators"))

    def test_one_of_several_sidecars_posts(self):
        services = self.staked(participants=[1, 0]).of("service")
        dry = {name: value["env_vars"].get("QUINTET_STAKING_DRY_RUN") for name, value in services.items() if "sidecar" in name}
        self.assertEqual(dry, {"quintet-sidecar-2-lighthouse": None, "quintet-sidecar-1-lighthouse": "true"})

    def run_script(self, name, folder, **env):
        """Runs a task's script; the programs are stand-ins that write down their arguments."""
        task = self.staked().of("task")[name]
        programs = Path(folder) / "programs"
        programs.mkdir(exist_ok=True)
        for program in ("quintet-prover", "quintet-sidecar", "node"):
            (programs / program).write_text('#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n')
            (programs / program).chmod(0o755)
        calls = Path(folder) / "calls"
        path = f"{programs}:{os.environ['PATH']}"
        run = task["run"].replace("/tmp/", f"{folder}/").replace(" /quintet/", f" {folder}/quintet/").replace("\n/quintet/", f"\n{folder}/quintet/")
        subprocess.run(["sh", "-c", run], check=True, env={**task["env_vars"], "PATH": path, "CALLS": str(calls), **env})
        return calls.read_text().splitlines() if calls.exists() else []

    def accepted(self, call):
        """Whether the program itself takes the flags of a call; skipped where it is not built."""
        program = Path(os.environ.get("QUINTET_PROVER", "")).with_name(call.split()[0])
        if not program.is_file():
            return True
        words = call.split()[1:]
        commands = words[:next(place for place, word in enumerate(words) if word.startswith("-"))]
        said = subprocess.run([program, *commands, "--help"], check=True, capture_output=True, text=True).stdout
        return all(flag in said for flag in words if flag.startswith("--"))

    def test_every_prover_deposits(self):
        with tempfile.TemporaryDirectory() as folder:
            calls = self.run_script("quintet-deposits", folder)
        self.assertEqual(len(calls), 4)
        self.assertIn("--stake-key /keys/prover-4/keystore.json", calls[3])
        self.assertTrue(all(self.accepted(call) for call in calls))

    def test_validators_enrol_with_the_keys_of_their_client(self):
        with tempfile.TemporaryDirectory() as folder:
            given, out = Path(folder) / "given" / "node-0-keystores", Path(folder) / "validators"
            for number in range(6):
                (given / "keys" / f"0x{number}").mkdir(parents=True)
                (given / "keys" / f"0x{number}" / "voting-keystore.json").write_text("{}")
                for secrets in ("secrets", "teku-secrets"):
                    (given / secrets).mkdir(exist_ok=True)
                    (given / secrets / f"0x{number}").write_text(secrets)
            calls = self.run_script("quintet-validators", folder, GIVEN=str(Path(folder) / "given"), FOLDER=str(out))
            self.assertEqual(sorted(path.name for path in out.iterdir()), [f"0x{n}.{kind}" for n in range(4) for kind in ("json", "txt")])
            self.assertEqual((out / "0x2.txt").read_text(), "secrets")
        self.assertEqual(len(calls), 8)
        self.assertIn("validator prove --beacon-url http://cl-1-lighthouse-geth:4000 --pubkey 0x0", calls[0])
        self.assertIn("--validator-key", calls[1])
        self.assertTrue(all(self.accepted(call) for call in calls))

    def test_what_the_script_deployed_becomes_a_sidecars_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            scripts, out = Path(folder) / "quintet" / "scripts", Path(folder) / "quintet" / "contracts" / "out"
            scripts.mkdir(parents=True)
            out.mkdir(parents=True)
            address = ["0x" + digit * 40 for digit in "aBc"]
            deployment = '{"chain_id": 3151908, "deployed_at_block": 7,\n"prover_registry": "%s",\n"settlement": "%s",\n"validator_set": "%s"}' % tuple(address)
            # As forge writes it: a line a key.
            deployment = deployment.replace(", \"", ",\n\"")
            (scripts / "deploy-devnet.sh").write_text(f"#!/bin/sh\ncat > {out}/deployment.json <<'END'\n{deployment}\nEND\n")
            (scripts / "deploy-devnet.sh").chmod(0o755)
            made = Path(folder) / "deployment"
            self.run_script("quintet-contracts", folder, FOLDER=str(made))
            staking = tomllib.loads((made / "sidecar.toml").read_text())["staking"]
            self.assertEqual((staking["chain_id"], staking["deployed_at"]), (3151908, 7))
            self.assertEqual([staking[key] for key in ("registry", "settlement", "validator_set")], address)
            self.assertEqual((made / "account").read_text(), "0x" + "bc" * 32)
        known = {line.split()[0] for line in (PACKAGE.parent / "sidecar.toml").read_text().splitlines() if " =" in line}
        known |= {line.split()[1] for line in (PACKAGE.parent / "sidecar.toml").read_text().splitlines() if re.match(r"# \w+ =$", line)}
        self.assertLessEqual(set(staking), known)


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
        self.refused({"validators": 2}, "it has to be at least 3")
        self.refused({"staking": True}, "the contracts count whole seconds", network_params={"slot_duration_ms": 1500})
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
        self.assertEqual([(name, default.strip('"').replace("True", "true").replace("False", "false")) for name, default in table], rows)


if __name__ == "__main__":
    unittest.main()
