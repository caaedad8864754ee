"""JSON as Go's decoder reads it, and its words for what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmaster.refusal import Refusal
from netmaster.scanner import Number, decode
from netmaster.structs import GROUP, NETWORK, TENANT

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def same(ours: Any, theirs: Any) -> bool:
    """Numbers stay as they are written; everything else is the same value."""
    if isinstance(theirs, dict):
        return set(ours) == set(theirs) and all(same(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, int | float) and not isinstance(theirs, bool):
        return isinstance(ours, Number) and float(ours) == float(theirs)
    return bool(ours == theirs) and type(ours) is type(theirs)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(values, st.sampled_from([None, 2]))
def test_it_reads_what_json_is(value: Any, indent: int | None) -> None:
    assert same(decode(json.dumps(value, indent=indent)), value)
    assert same(decode(json.dumps(value, ensure_ascii=False) + " trailing"), value)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.sampled_from('{}[]",:0123456789.eE+-truefalsn \\u\n')))
def test_whatever_is_said_is_read_or_refused(text: str) -> None:
    try:
        decode(text)
    except Refusal as refusal:
        assert str(refusal)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "EOF"),
        ("  ", "EOF"),
        ("not json", "invalid character 'o' in literal null (expecting 'u')"),
        ("{", "unexpected EOF"),
        ('{"a"', "unexpected EOF"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        ("{a}", "invalid character 'a' looking for beginning of object key string"),
        ("[1 2]", "invalid character '2' after array element"),
        ("<x>", "invalid character '<' looking for beginning of value"),
        ("\ufeff{}", "invalid character 'ï' looking for beginning of value"),
        ("{“a”:1}", "invalid character 'â' looking for beginning of object key string"),
        ('"a\nb"', "invalid character '\\n' in string literal"),
        (r'"\x"', "invalid character 'x' in string escape code"),
        (r'"\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("1ex", "invalid character 'x' in exponent of numeric literal"),
        ("[" * 300, "exceeded max depth"),
    ],
)
def test_it_says_what_is_wrong_as_go_does(text: str, says: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode(text)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("struct", "text", "says"),
    [
        (TENANT, "[]", "json: cannot unmarshal array into Go value of type contivModel.Tenant"),
        (TENANT, '"x"', "json: cannot unmarshal string into Go value of type contivModel.Tenant"),
        (
            TENANT,
            '{"tenantName":5}',
            "json: cannot unmarshal number into Go struct field Tenant.tenantName of type string",
        ),
        (TENANT, '{"key":true}', "json: cannot unmarshal bool into Go struct field Tenant.key of type string"),
        (NETWORK, '{"pktTag":"7"}', "json: cannot unmarshal string into Go struct field Network.pktTag of type int"),
        (
            NETWORK,
            '{"pktTag":1.5}',
            "json: cannot unmarshal number 1.5 into Go struct field Network.pktTag of type int",
        ),
        (
            GROUP,
            '{"policies":"p"}',
            "json: cannot unmarshal string into Go struct field EndpointGroup.policies of type []string",
        ),
        (
            GROUP,
            '{"policies":[1]}',
            "json: cannot unmarshal number into Go struct field EndpointGroup.policies of type string",
        ),
        (
            GROUP,
            '{"link-sets":[]}',
            "json: cannot unmarshal array into Go struct field EndpointGroup.link-sets of type "
            "contivModel.EndpointGroupLinkSets",
        ),
        (
            GROUP,
            '{"LINK-SETS":{"policies":5}}',
            "json: cannot unmarshal number into Go struct field EndpointGroupLinkSets.link-sets.Policies of type "
            "map[string]modeldb.Link",
        ),
        (
            GROUP,
            '{"link-sets":{"Services":{"a":{},"b":"x"}}}',
            "json: cannot unmarshal string into Go struct field EndpointGroupLinkSets.link-sets.Services of type "
            "modeldb.Link",
        ),
        (
            GROUP,
            '{"link-sets":{"Policies":{"a":{"KEY":true}}}}',
            "json: cannot unmarshal bool into Go struct field Link.link-sets.Policies.key of type string",
        ),
        (
            GROUP,
            '{"links":{"Network":[]}}',
            "json: cannot unmarshal array into Go struct field EndpointGroupLinks.links.Network of type modeldb.Link",
        ),
        (
            GROUP,
            '{"links":{"Tenant":{"type":1}}}',
            "json: cannot unmarshal number into Go struct field Link.links.Tenant.type of type string",
        ),
    ],
)
def test_a_member_of_a_wrong_type_is_named_as_go_names_it(struct: Any, text: str, says: str) -> None:
    with pytest.raises(Refusal) as caught:
        struct.read(decode(text))
    assert str(caught.value) == says


def test_members_are_found_in_any_case_and_null_says_nothing() -> None:
    body = TENANT.read(decode('{"TENANTNAME":"blue","defaultNetwork":null,"unknown":[1],"link-sets":{},"key":"x"}'))
    assert body == {"tenantName": "blue", "defaultNetwork": "", "link-sets": {}}
