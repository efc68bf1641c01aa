# Calls Engage, and calls it again when a line comes in.
import sys

sys.path.insert(0, sys.argv[1])
from engage_token import EngageToken, call

token = EngageToken("engage/token")
print(call(token, "GET", "/voice/api/v1/admin/accounts").status_code, flush=True)
sys.stdin.readline()
print(call(token, "GET", "/voice/api/v1/admin/accounts").status_code, flush=True)
