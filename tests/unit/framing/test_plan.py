"""Which layout a scene gets, and why."""

from __future__ import annotations

import math

import pytest

from core.times import Ns, ns
from daemon.framing import Canvas, Framing, LayoutRule, plan_framing
from daemon.framing.camera import reversals
from daemon.framing.observations import Observations, SeenFace
from daemon.framing.shots import EYE_LINE
from daemon.framing.values import Box, Size
from tests.unit.framing.seen import LENGTH_S, face, seen

TALL, SQUARE, WIDE = Canvas(1080, 1920), Canvas(1080, 1080), Canvas(1920, 1080)
FREE = LayoutRule()
CAM = Box(960, 500, 300, 200)


def always(*faces: SeenFace, every_s: float = 0.25, **more: object) -> Observations:
    times = [number * every_s for number in range(int(LENGTH_S / every_s))]
    return seen([(t, faces) for t in times], **more)  # type: ignore[arg-type]


def only_scene(observations: Observations, rule: LayoutRule = FREE, canvas: Canvas = TALL) -> tuple[str, Framing]:
    framing = plan_framing(observations, canvas, rule)
    [scene] = framing.scenes
    return scene.layout, framing


def test_one_person_is_followed_with_the_eyes_in_the_upper_third() -> None:
    layout, framing = only_scene(always(face(900, height=100)))
    crop = framing.scenes[0].panes[0].at(0)
    assert layout == "track"
    assert crop.x < 900 - 50 < 900 + 50 < crop.right
    eyes = (245 - crop.y) / crop.h
    assert eyes == pytest.approx(EYE_LINE, abs=0.06)


def test_a_far_face_is_brought_nearer_within_the_rule() -> None:
    far = always(face(900, height=40))
    heights = [
        plan_framing(far, canvas, LayoutRule(max_zoom=zoom)).scenes[0].panes[0].knots[0].h
        for canvas, zoom in ((Canvas(360, 640), 1.0), (Canvas(360, 640), 2.0), (TALL, 2.0))
    ]
    assert heights == [720, 360, 640]  # the last: no px is enlarged more than three times just to come nearer


def test_two_people_far_apart_are_stacked_and_each_pane_shows_one() -> None:
    left, right = face(200), face(1080)
    layout, framing = only_scene(always(left, right))
    above, below = framing.scenes[0].panes
    assert layout == "split"
    assert (above.place.h, below.place.y) == (960, 960)
    assert above.at(0).overlap(left.box) == left.box.area
    assert below.at(0).overlap(right.box) == right.box.area
    assert above.at(0).overlap(right.box) == below.at(0).overlap(left.box) == 0


def test_two_people_on_a_wide_canvas_stay_as_they_are() -> None:
    assert only_scene(always(face(200), face(1080)), canvas=WIDE)[0] == "centre"


def test_two_people_close_together_share_a_shot() -> None:
    layout, framing = only_scene(always(face(560, height=90), face(700, height=90)))
    crop = framing.scenes[0].panes[0].at(0)
    assert layout == "track"
    assert crop.x < 515
    assert crop.right > 745


def test_a_face_in_the_background_does_not_count() -> None:
    assert only_scene(always(face(300), face(1100, height=40)))[0] == "track"


def test_someone_who_passes_by_does_not_count() -> None:
    samples = [(t / 4, [face(300)] + ([face(1100)] if t < 4 else [])) for t in range(24)]
    assert only_scene(seen(samples))[0] == "track"


def test_the_one_who_speaks_all_the_time_is_followed_instead_of_a_split() -> None:
    layout, framing = only_scene(always(face(200, mouth=0.3), face(1080, mouth=5.0)))
    assert layout == "track"
    assert "speaks" in framing.scenes[0].reason
    assert framing.scenes[0].panes[0].at(0).cx == pytest.approx(1080, abs=90)


def test_speakers_who_take_turns_among_three_are_cut_between_and_the_camera_does_not_flip() -> None:
    """A short remark of 0.5 s in the first turn changes nothing."""

    def mouths(t: float) -> list[SeenFace]:
        first = t < 3 and not 1.25 <= t < 1.75
        return [
            face(x, height=100, mouth=5.0 if speaks else 0.2)
            for x, speaks in ((150, first), (640, False), (1130, not first))
        ]

    framing = plan_framing(seen([(t / 4, mouths(t / 4)) for t in range(24)]), TALL, LayoutRule())
    assert [round(scene.panes[0].at(scene.start_ns).cx / 100) for scene in framing.scenes] == [2, 11]
    assert framing.scenes[1].start_ns == pytest.approx(ns(3), abs=ns(0.8))


def test_a_facecam_over_a_game_goes_on_the_top_third() -> None:
    layout, framing = only_scene(always(face(1110, y=600, height=80), insets=[CAM], moving=0.4))
    cam, game = framing.scenes[0].panes
    assert layout == "game_facecam"
    assert cam.place.y == 0
    assert cam.place.h == pytest.approx(1920 / 3, abs=20)
    assert CAM.overlap(cam.at(0)) == pytest.approx(cam.at(0).area, rel=0.02)
    assert game.at(0).cx == pytest.approx(640, abs=0.2 * game.at(0).w)
    assert not framing.scenes[0].blurred_background


def test_a_speaker_beside_a_screen_keeps_the_whole_screen() -> None:
    layout, framing = only_scene(always(face(1110, y=600, height=80), insets=[CAM], moving=0.01))
    _, screen = framing.scenes[0].panes
    assert layout == "screen_speaker"
    assert screen.at(0) == Box(0, 0, 1280, 720)


def test_cuts_inside_the_game_do_not_change_the_picture() -> None:
    """A respawn is a cut; the facecam stays where it is."""
    observed = always(face(1110, y=600, height=80), insets=[CAM], moving=0.4, cuts=(1.0, 1.4, 3.0))
    assert len(plan_framing(observed, TALL, LayoutRule()).scenes) == 1


def test_each_shot_begins_at_its_cut_with_its_own_crop() -> None:
    samples = [(t / 4, [face(250 if t < 12 else 1000)]) for t in range(24)]
    framing = plan_framing(seen(samples, cuts=(3.0,)), TALL, LayoutRule())
    assert [scene.start_ns for scene in framing.scenes] == [0, ns(3)]
    assert [round(scene.panes[0].at(scene.start_ns).cx, -2) for scene in framing.scenes] == [200, 1000]


def test_with_nobody_the_whole_picture_is_shown_unless_it_all_moves() -> None:
    assert only_scene(always(moving=0.05))[0] == "fit"
    assert only_scene(always(moving=0.5))[0] == "centre"


def test_scenes_with_nobody_keep_one_look_over_the_cuts() -> None:
    observed = seen([], cuts=(4.0,), moving=0.5)
    quiet = observed.motion[1]._replace(moving=0.02)
    mixed = Observations(
        **{**{k: getattr(observed, k) for k in observed.__slots__}, "motion": (observed.motion[0], quiet)}
    )
    assert [scene.layout for scene in plan_framing(mixed, TALL, LayoutRule()).scenes] == ["centre"]


@pytest.mark.parametrize("layout", ["track", "split", "game_facecam", "screen_speaker", "fit", "centre"])
def test_the_rule_of_a_channel_decides_where_the_scene_has_what_it_needs(layout: str) -> None:
    rule = LayoutRule.from_mapping({"layout": layout, "facecam": [0.75, 0.7, 0.25, 0.28]})
    chosen, framing = only_scene(always(face(300), face(1100, y=600, height=90)), rule)
    assert chosen == layout
    assert framing.scenes[0].reason == "the channel's rule"


@pytest.mark.parametrize(("layout", "instead"), [("track", "fit"), ("split", "fit"), ("game_facecam", "fit")])
def test_a_rule_that_cannot_be_kept_says_so(layout: str, instead: str) -> None:
    chosen, framing = only_scene(seen([]), LayoutRule.from_mapping({"layout": layout}))
    assert chosen == instead
    assert "rule" in framing.scenes[0].reason


def test_the_facecam_of_the_rule_is_used_when_none_is_found() -> None:
    """A round facecam has no straight borders."""
    rule = LayoutRule(facecam=Box(0.75, 0.7, 0.25, 0.28))
    assert only_scene(always(face(1110, y=600, height=80), moving=0.4), rule)[0] == "game_facecam"


@pytest.mark.parametrize("size", [Size(1280, 720), Size(640, 480), Size(606, 1080), Size(722, 406), Size(3840, 2160)])
@pytest.mark.parametrize("canvas", [TALL, SQUARE, WIDE, Canvas(1080, 1350)])
def test_every_shape_of_source_has_a_framing_on_every_canvas(size: Size, canvas: Canvas) -> None:
    """Crops have the shape of their places to a few px, and Framing itself checks that all lies inside."""
    where = [
        (t / 4, [face(size.width * (0.2 + 0.025 * t), y=size.height * 0.4, height=size.height / 6)]) for t in range(24)
    ]
    for faces in (where, []):
        framing = plan_framing(seen(faces, size=size), canvas, LayoutRule())
        for pane in (pane for scene in framing.scenes for pane in scene.panes):
            knot, place = pane.knots[0], pane.place
            assert knot.w / knot.h == pytest.approx(place.w / place.h, rel=0.03)


def test_a_thousand_cuts_become_sixty_scenes() -> None:
    samples = [(t / 20, [face(250 + 600 * (t % 2))]) for t in range(119)]
    framing = plan_framing(seen(samples, cuts=[t / 20 for t in range(1, 119)]), TALL, LayoutRule())
    assert len(framing.scenes) <= 60
    assert framing.scenes[-1].end_ns == ns(LENGTH_S)


def test_minutes_of_pacing_stays_within_the_knots_of_one_graph() -> None:
    samples = [(t / 2, [face(640 + 500 * math.sin(t / 3))]) for t in range(480)]
    framing = plan_framing(seen(samples, length_s=240), TALL, LayoutRule())
    assert sum(len(pane.knots) for scene in framing.scenes for pane in scene.panes) <= 600


def test_one_who_sways_in_the_chair_is_not_chased() -> None:
    samples = [(t / 4, [face(640 + 55 * math.sin(t / 2))]) for t in range(24)]
    _, framing = only_scene(seen(samples))
    pane = framing.scenes[0].panes[0]
    xs = [pane.at(Ns(t * ns(0.04))).x for t in range(150)]
    assert reversals(xs, 4.0) == 0
