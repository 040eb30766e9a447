"""What a person who files cases is told: which are open, and what came after a package was written."""
import json

import world


def said(egw, number):
    """The outcome of an event, once it is there."""
    outcomes = egw.wait_outcomes(lambda seen: any(o.said["event_id"] == number for o in seen))
    return next(o for o in outcomes if o.said["event_id"] == number)


def open_cases(egw):
    lines = egw.run("handoff list", "-o", "json").out.splitlines()
    return {json.loads(line)["case_id"] for line in lines}


def test_what_comes_after_the_package_is_told_beside_it(egw):
    egw.put([world.partner(), world.customer("adatum")])
    egw.worker()
    egw.publish([world.billing(1, "adatum", case_id="K-1"), world.billing(2, "adatum", case_id="K-2")])
    first = said(egw, "1")
    assert first.said["action"] == said(egw, "2").said["action"] == "HANDOFF"
    assert open_cases(egw) == {"K-1", "K-2"}
    place = f"{egw.topic('outcomes')}/{first.record.partition}/{first.record.offset}"
    assert json.loads(egw.run("explain", place, "-o", "json").out)["rule"] == first.said["rule"]

    # An event of no known type says nothing of the case, so it is still to be filed.
    egw.publish([world.billing(3, "adatum", event_type="note-added", case_id="K-1")])
    assert said(egw, "3").said["code"] == "UNKNOWN_EVENT_TYPE" and not said(egw, "3").said["final"]
    assert open_cases(egw) == {"K-1", "K-2"}

    package = egw.run("handoff show", "K-1")
    assert package.err == ""
    egw.publish([world.billing(4, "adatum", event_type="updated", case_id="K-1", severity="A")])
    assert said(egw, "4").said["because"] == "severity is A now; the package says C"
    shown = egw.run("handoff show", "K-1")
    assert shown.out == package.out, "a package that was written changes"
    assert shown.err == "egw handoff: severity is A now; the package says C\n"

    for number in ("100", "200"):
        egw.run("handoff number", "K-1", number)
    egw.wait_outcomes(lambda seen: any(o.said["code"] == "NUMBER_CONFLICT" for o in seen))
    assert open_cases(egw) == {"K-2"}
    shown = egw.run("handoff show", "K-1").err
    assert "egw handoff: the case is filed, Microsoft's number is 100\n" in shown
    assert "egw handoff: conflict: the case has number 100; 200 was given now\n" in shown
