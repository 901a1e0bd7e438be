"""Asks a server with tritonclient, in JSON and in binary: oip_client.py HOST:PORT CASE.json. Prints what it got as JSON."""
import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

url, path = sys.argv[1:3]
with open(path) as file:
    case = json.load(file)
model, shape = case["model"], case["shape"]
data = np.array(case["data"], dtype=np.float32).reshape(shape)
client = http.InferenceServerClient(url)


def ask(name, array, binary):
    given = http.InferInput("input", list(array.shape), "FP32")
    given.set_data_from_numpy(array, binary_data=binary)
    wanted = http.InferRequestedOutput("output", binary_data=binary)
    return client.infer(name, [given], outputs=[wanted], request_id="asked")


def refusal(name, array):
    try:
        ask(name, array, True)
        return None
    except InferenceServerException as error:
        return [error.status(), error.message()]


answers = {}
for form, binary in (("json", False), ("binary", True)):
    result = ask(model, data, binary)
    output = result.get_output("output")
    answers[form] = {
        "id": result.get_response()["id"],
        "values": result.as_numpy("output").ravel().tolist(),
        "isBinary": "binary_data_size" in output.get("parameters", {}),
    }
print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "modelReady": client.is_model_ready(model),
            "strangerReady": client.is_model_ready("stranger"),
            "metadata": client.get_model_metadata(model),
            "index": client.get_model_repository_index(),
            "answers": answers,
            "refusals": {"stranger": refusal("stranger", data), "shape": refusal(model, data[:, :1])},
        }
    )
)
