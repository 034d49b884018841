"""The official Python client's own retries against servers that refuse: python openai_retries.py BUSY_URL SLOW_URL

The first server lets one request wait and no more; the second gives up after a second, and says that asking again would be in vain.
"""
import sys
import threading

import openai

busy, slow = sys.argv[1:3]
count = threading.Lock()
asked = refused = waited = 0

def look(response):
    global asked, refused, waited
    with count:
        asked += 1
        refused += response.status_code == 503
        waited += response.status_code == 503 and response.headers.get("retry-after", "").isdigit()

def client(url, retries):
    http = openai.DefaultHttpxClient(event_hooks={"response": [look]})
    return openai.OpenAI(base_url=url, api_key="unused", max_retries=retries, http_client=http)

retries = []

def draw(index):
    answer = client(busy, 30).images.with_raw_response.generate(
        prompt="a red circle on a blue background", response_format="b64_json", extra_body={"num_inference_steps": 60}
    )
    assert answer.parse().data[0].b64_json
    retries.append(answer.retries_taken)

threads = [threading.Thread(target=draw, args=[index]) for index in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(retries) == 6, "all of them were drawn in the end"
assert sum(retries) > 0 and refused == waited == sum(retries), (retries, refused, waited)

asked = 0
try:
    client(slow, 5).images.generate(prompt="a red circle", n=10, extra_body={"num_inference_steps": 200})
    raise SystemExit("200 steps of ten pictures took less than a second")
except openai.InternalServerError as error:
    assert error.status_code == 504 and error.code == "timeout", error
    assert error.response.headers["x-should-retry"] == "false"
assert asked == 1, f"asked {asked} times for what will not come"
print("openai", openai.__version__, "retries ok")
