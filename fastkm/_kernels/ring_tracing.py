"""The outlines of all regions of a map, in one pass over its corners.

A map of (rows, columns) cells has (rows + 1, columns + 1) corners. A unit edge between two
corners is a boundary if the cells beside it belong to different regions, and then it is part of two
rings, one on each side. Rings run with their region on the right hand when the map is printed with
row 0 on top: exteriors run clockwise on paper, which is counter-clockwise in axes x = column,
y = row. So the side of an edge determines its direction:

               | NL: down   NR: up
       NW      |      NE                A side belongs to the cell on that side. NL, WB, SR and
    WA: west   |   EA: west             EA come in at the corner, NR, WA, SL and EB go out. Each
    -----------+-----------             one that comes in goes out as one of the same region:
    WB: east   |   EB: east             straight on, right around its own cell, or left around a
       SW      |      SE                foreign one.
               | SL: down   SR: up

Only the corners where rings turn matter, those with a horizontal and a vertical boundary.
`mark_turns` finds them, in vectors. `link_turns` visits them in raster order and makes a node for
each turn. North and west of a corner everything is done. The edges that still wait for their other
end are one in each column (N) and one in the row (W), each with a node for either side. A ring that
comes in there is linked from the waiting node, a ring that goes out there is linked to it, and the
new node waits in turn at the edges E and S. If a ring goes straight on, the waiting node stays,
unless *junctions* are wanted: a marked corner on a straight edge is where regions on its other side
meet, and as a point of all their rings it makes the polygons a coverage, whose neighbours have the
same points along the edges that they share.

`walk_rings` follows the links. A region's first cell is the left end of its top row, so the
corner at its upper left sees the outside, and the ring that turns there, from SR to EB, is its
exterior. There is one exterior, because regions are connected along edges. In the same way the
first cell of a hole is the first cell of its own region, unless it is missing, and the ring around
the hole turns there from EA to SL. Such turns are noted as *gaps*. A gap starts a hole unless a
walk has passed it already. An exterior has 4 more right turns than left turns, a hole has 4 fewer.
So once turns are counted, the number of rings of each region and the place of all its points are
known, and regions are written in any order, each once, by several threads. The next node of a ring
is often a row of nodes away, and its address is known only when the one before has come from
memory. So some walks take steps in turn and wait for memory together (measured on 2.3 million
nodes: 36 ns a node for one walk, 10 for sixteen).

Where a region A meets itself diagonally there is a choice:

    A B     around foreign cells: NL goes on as EB, SR as WA
    B A     around own cells:     NL goes on as WA, SR as EB

Around foreign cells, rings cross over: each ring is simple, and an area that is enclosed by cells
which meet diagonally is a hole that touches the ring around it in a point. The standard of simple
features (OGC 06-103r4) has it so, and GDAL does it so. Around own cells, rings that go through the
midpoints of edges keep their distance, and an area that such cells enclose is open to the outside:
they are contours at 0.5 of marching squares (Lorensen & Cline 1987), high cells joined along edges.

A map may come in strips of rows (`fastkm.geometry.strips`). Then `waiting` and `counts` go on from
strip to strip, and so do nodes and gaps. Only what happens where a region meets itself diagonally
may depend on rows to come. Such corners are listed as *touches*: two regions of one label, which
are turned around as different ones. If they prove to be one, their two nodes change successors.

Arrays are C-contiguous. `numbers`, (rows, columns) int32 IN, holds the region of each cell, -1 if
there is none; around the map there is none. `nodes` and `gaps` are uint32 if that suffices, else
int64. A node is a pair: the next node, and the corner (the row in the upper half of its bits, the
column in the lower half), side by side because a walk jumps from node to node. Coordinates are
whole and half numbers: nothing is rounded.

Lorensen, W. E. & Cline, H. E. (1987). Marching cubes. Computer Graphics 21(4), 163-169.
"""

import numpy as np

from fastkm._kernels._jit import kernel

CORNERS, JUNCTIONS, MIDPOINTS = 0, 1, 2
"""The points of rings: corners where they turn; those and junctions; the midpoints of a contour."""

WALKS = 16
"""Rings that are walked at the same time; eight take a tenth longer, four half as long again."""


@kernel
def mark_turns(numbers, first, marks):
    """Mark the corners with a horizontal and a vertical boundary, from row of corners `first` on.

    numbers: IN; marks: (some rows, columns + 1) bool OUT.
    """
    rows, columns = numbers.shape
    for k in range(len(marks)):
        # the rows of cells above and below; at the map's edge a vertical boundary is enough
        above, below, edge = first + k - 1, first + k, False
        if above < 0:
            above, edge = 0, True
        if below == rows:
            below, edge = rows - 1, True
        for c in range(1, columns):
            nw, ne = numbers[above, c - 1], numbers[above, c]
            sw, se = numbers[below, c - 1], numbers[below, c]
            vertical, horizontal = (nw != ne) | (sw != se), (nw != sw) | (ne != se)
            marks[k, c] = vertical & (horizontal | edge)
        # the first corner and the last one, which see one cell of each row
        for c in range(0, columns + 1, columns):
            cell = c - 1 if c > 0 else 0
            north, south = numbers[above, cell], numbers[below, cell]
            marks[k, c] = (north != south) | (edge & (north != -1))


@kernel
def link_turns(  # noqa: C901, PLR0912, PLR0915
    turns, numbers, labels, wanted, kind, waiting, counts, nodes, gaps, tally, touches
):
    """Make a node for each turn of a ring, linked to the next.

    turns: (t,) int64 IN, flat indices of the marked corners, ascending; numbers: IN; labels: (n,)
    int64 IN; wanted: (n,) bool IN, regions that get rings; kind: int, with MIDPOINTS turn around own
    cells and count the points at midpoints, otherwise around foreign cells and at corners; with
    JUNCTIONS make nodes where rings go straight on too; waiting: (2, columns + 1) int64 INOUT, the
    nodes that wait at the edges N of the corners, at their left and right sides; counts: (4,) int64 INOUT, the row of the first row of corners, and how many nodes,
    gaps and touches there are; nodes: (>= nodes + 4 t, 2) INOUT; gaps: (>= gaps + t, 2) INOUT, a
    node where a hole may start, and the next gap of the region, if there is one; tally: (n, 5)
    int64 INOUT: points of each region and right turns less left turns, which come in as 0; first
    node, first gap and last gap, which come in as -1; touches: (>= touches + 2 t, 4) int64 INOUT,
    two regions of one label that meet at a corner, and their nodes there; none are listed if it is
    empty.
    """
    columns, contour, junctions = numbers.shape[1], kind == MIDPOINTS, kind == JUNCTIONS
    # literals would compile `count_turn` again, and rows of arrays cost more
    quarter, no_turn = np.int64(1), np.int64(0)
    first_row, size, found, touched = counts[0], counts[1], counts[2], counts[3]
    above = below = row = row_start = 0
    newest = np.int32(-1)  # regions are numbered in the order in which they are met
    for t in range(len(turns)):
        while turns[t] > row_start + columns:
            row += 1
            row_start += columns + 1
        y, c = first_row + row, turns[t] - row_start
        # the cells around the corner, and the nodes that wait at its edges N and W
        nw, ne, sw, se = read_cells_around(numbers, row, c)
        nl, nr, wa, wb = waiting[0, c], waiting[1, c], above, below
        begin = size
        # for each side that comes in: turn left, turn right, or go straight on
        if nw != ne and nw >= 0 and wanted[nw]:  # NL comes in
            if se == nw and (sw == nw or not contour):
                nodes[nl, 0] = below = size
                size += count_turn(nw, y - c, -quarter, contour, tally)
            elif sw != nw:
                nodes[nl, 0] = size
                nodes[size, 0] = wa
                size += count_turn(nw, y + c, quarter, contour, tally)
            elif junctions:
                nodes[nl, 0] = waiting[0, c] = size
                size += count_turn(nw, no_turn, no_turn, contour, tally)
        if sw != nw and sw >= 0 and wanted[sw]:  # WB
            if ne == sw and (se == sw or not contour):
                nodes[wb, 0] = size
                nodes[size, 0] = nr
                size += count_turn(sw, c + y, -quarter, contour, tally)
            elif se != sw:
                nodes[wb, 0] = waiting[0, c] = size
                size += count_turn(sw, c - y, quarter, contour, tally)
            elif junctions:
                nodes[wb, 0] = below = size
                size += count_turn(sw, no_turn, no_turn, contour, tally)
        if se != sw and se >= 0 and wanted[se]:  # SR
            if nw == se and (ne == se or not contour):
                waiting[1, c] = size
                nodes[size, 0] = wa
                size += count_turn(se, c - y, -quarter, contour, tally)
            elif ne != se:
                waiting[1, c] = below = size
                if se > newest:
                    tally[se, 2] = size
                size += count_turn(se, -y - c, quarter, contour, tally)
            elif junctions:
                waiting[1, c] = size
                nodes[size, 0] = nr
                size += count_turn(se, no_turn, no_turn, contour, tally)
        if ne != se and ne >= 0 and wanted[ne]:  # EA
            if sw == ne and (nw == ne or not contour):
                waiting[0, c] = above = size
                if se > newest or se < 0:
                    found = add_gap(found, size, ne, tally, gaps)
                size += count_turn(ne, -c - y, -quarter, contour, tally)
            elif nw != ne:
                above = size
                nodes[size, 0] = nr
                size += count_turn(ne, y - c, quarter, contour, tally)
            elif junctions:
                above = size
                nodes[size, 0] = wa
                size += count_turn(ne, no_turn, no_turn, contour, tally)
        # regions of one label that may prove to be one: then what is SE may be in a hole
        if len(touches) > 0:
            if nw >= 0 and se >= 0 and nw != se and labels[nw] == labels[se]:
                sr_node = begin + (2 if sw >= 0 else 1)
                touched = add_touch(touched, nw, se, begin, sr_node, touches)
            if ne >= 0 and sw >= 0 and ne != sw and labels[ne] == labels[sw]:
                wb_node = begin + (1 if nw >= 0 else 0)
                touched = add_touch(touched, sw, ne, wb_node, size - 1, touches)
                if se > newest or se < 0:
                    found = add_gap(found, size - 1, ne, tally, gaps)
        # the corner is the same for all its nodes
        if se > newest:
            newest = se
        for node in range(begin, size):
            nodes[node, 1] = (y << (4 * nodes.itemsize)) + c
    counts[1], counts[2], counts[3] = size, found, touched


@kernel
def read_cells_around(numbers, row, column):
    """Return the regions of the four cells around the corner (row, column): NW, NE, SW, SE."""
    rows, columns = numbers.shape
    nw = ne = sw = se = np.int32(-1)
    if row > 0:
        if column > 0:
            nw = numbers[row - 1, column - 1]
        if column < columns:
            ne = numbers[row - 1, column]
    if row < rows:
        if column > 0:
            sw = numbers[row, column - 1]
        if column < columns:
            se = numbers[row, column]
    return nw, ne, sw, se


@kernel
def add_gap(gap, node, region, tally, gaps):
    """Append a gap to the list of its region; return the number of the next gap.

    tally: (n, 5) int64 INOUT, see `link_turns`; gaps: (> gap, 2) INOUT.
    """
    gaps[gap, 0] = node
    if tally[region, 3] < 0:
        tally[region, 3] = gap
    else:
        gaps[tally[region, 4], 1] = gap
    tally[region, 4] = gap
    return gap + 1


@kernel
def add_touch(touch, region, other, node, other_node, touches):
    """Append a touch of two regions to touches: (> touch, 4) INOUT; return the number of the next."""
    touches[touch, 0], touches[touch, 1] = region, other
    touches[touch, 2], touches[touch, 3] = node, other_node
    return touch + 1


@kernel
def count_turn(region, reach, quarter, contour, tally):
    """Count a turn for its region; return 1.

    reach: where the edge before the turn ends less where the edge after it starts, both in the
    direction of the ring (the sum over a ring is its length); quarter: 1 to the right, -1 to the
    left; contour, tally: see `link_turns`, INOUT.
    """
    tally[region, 0] += reach if contour else 1
    tally[region, 1] += quarter
    return 1


@kernel
def walk_rings(regions, nodes, gaps, contour, tally, cursors, ring_offsets, points, walks):
    """Follow the links; write the rings of some regions, closed, exteriors first.

    regions: (some,) int64 IN; nodes: INOUT, a node that has been passed links to itself; gaps,
    contour, tally: from `link_turns` IN; cursors: (n, 2) int64 INOUT, each region's place for the
    next point and next ring; ring_offsets: (rings + 1,) int64 OUT; points: (m, 2) float64 OUT;
    walks: (WALKS, 5) int64 scratch: node, corner before, place for the next point, region, its next
    gap.
    """
    shift = 4 * nodes.itemsize
    mask = (1 << shift) - 1
    busy = taken = min(WALKS, len(regions))
    for k in range(busy):
        enter_region(walks, k, regions[k], nodes, tally, cursors, ring_offsets)
    while busy > 0:
        for k in range(busy):
            # one step: write the points up to this node
            node = np.uint64(walks[k, 0])  # an unsigned index has no sign to look at
            onward = np.uint64(nodes[node, 0])
            corner = np.int64(nodes[node, 1])
            row, column, at = corner >> shift, corner & mask, walks[k, 2]
            if contour:
                before = walks[k, 1]
                at = add_midpoints(before >> shift, before & mask, row, column, at, points)
                walks[k, 1] = corner
            elif onward != node:
                points[at, 0] = row - 0.5
                points[at, 1] = column - 0.5
                at += 1
            walks[k, 2] = at
            # a node that links to itself was the start: the ring is closed
            if onward != node:
                nodes[node, 0] = node
                walks[k, 0] = onward
                continue
            # go on with a hole of this region, or with another region, or end the walk
            close_ring(at, walks[k, 3], cursors, ring_offsets, points)
            if enter_hole(walks, k, nodes, gaps, tally, cursors, ring_offsets):
                continue
            if taken < len(regions):
                enter_region(walks, k, regions[taken], nodes, tally, cursors, ring_offsets)
                taken += 1
                continue
            busy -= 1
            for j in range(5):
                walks[k, j] = walks[busy, j]
            break


@kernel
def enter_region(walks, k, region, nodes, tally, cursors, ring_offsets):
    """Send walk k to the exterior of a region; all else as in `walk_rings`."""
    walks[k, 3] = region
    walks[k, 4] = tally[region, 3]
    open_ring(walks, k, tally[region, 2], nodes, cursors, ring_offsets)


@kernel
def enter_hole(walks, k, nodes, gaps, tally, cursors, ring_offsets):
    """Send walk k to its region's next hole; return False if there is none."""
    last = tally[walks[k, 3], 4]
    while walks[k, 4] >= 0:
        gap = walks[k, 4]
        node = np.int64(gaps[gap, 0])
        walks[k, 4] = -1 if gap == last else np.int64(gaps[gap, 1])
        if nodes[node, 0] != node:
            open_ring(walks, k, node, nodes, cursors, ring_offsets)
            return True
    return False


@kernel
def open_ring(walks, k, node, nodes, cursors, ring_offsets):
    """Send walk k to a node that starts a ring of its region."""
    region = walks[k, 3]
    walks[k, 0] = node
    walks[k, 1] = np.int64(nodes[node, 1])
    walks[k, 2] = cursors[region, 0]
    ring_offsets[cursors[region, 1]] = cursors[region, 0]


@kernel
def close_ring(at, region, cursors, ring_offsets, points):
    """Repeat the first point of a region's ring at its end, `at`; cursors: (n, 2) int64 INOUT."""
    begin = ring_offsets[cursors[region, 1]]
    points[at, 0], points[at, 1] = points[begin, 0], points[begin, 1]
    cursors[region, 0] = at + 1
    cursors[region, 1] += 1


@kernel
def add_midpoints(row, column, to_row, to_column, at, points):
    """Write midpoints of unit edges to points: (m, 2) INOUT, `at` and on; return the next place."""
    down = 0 if to_row == row else 1 if to_row > row else -1
    along = 0 if to_column == column else 1 if to_column > column else -1
    for step in range(abs(to_row - row) + abs(to_column - column)):
        points[at, 0] = row + step * down + 0.5 * down - 0.5
        points[at, 1] = column + step * along + 0.5 * along - 0.5
        at += 1
    return at
