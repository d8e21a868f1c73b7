import json

from sandbox import act, contains, equal, is_function_error, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    for deed, error_type, text in (("segfault", "Function.SegmentationFault", r"segmentation fault \(SIGSEGV\)"),
                                   ("abort", "Function.Abort", r"abort \(SIGABRT\)")):
        works(env)
        answer = act(env, deed)
        is_function_error(answer, error_type, text)
        contains(str(answer.json()["stackTrace"]), "perform")
        line = json.loads(env.wait_for(f'^{{"timestamp".*"{error_type}".*}}$').group())
        equal((line["level"], line["stackTrace"]), ("FATAL", answer.json()["stackTrace"]))
        env.wait_for(f"^START RequestId: {line['requestId']} ")
    works(env)
