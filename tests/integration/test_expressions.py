"""Random expressions of expression filters, evaluated by real servers and by ours."""
import os
import sys

import pytest

from dmtest.cluster import BIN

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "filter_differential"))

import compare  # noqa: E402
import generate  # noqa: E402


@pytest.mark.parametrize("kind", ["mariadb", "mysql9"])
def test_expressions_as_servers_evaluate_them(kind, servers, tmp_path):
    compared, differ = compare.compare(servers.get(kind, "up"), str(tmp_path), os.path.join(BIN, "filter_differential"),
                                       generate.expressions(1, 4000), generate.rows(1, 25), 10)
    assert differ == 0 and compared >= 3000
