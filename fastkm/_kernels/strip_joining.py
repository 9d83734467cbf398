"""Regions that grow from strip to strip: which parts belong together, and how rings cross over.

A map comes in strips of rows, and each strip has *parts*, its connected regions. Parts of several
strips are one *piece* if they are connected along edges, and pieces are one *region* if they are
connected at all: at corners, over bridges, or because columns are repeated. So there are two
forests of parents (Tarjan 1975), as in `connected_components`: of two roots the earlier part stays.
The parts of a region are also linked to a circle. Two circles become one when a link of one and a
link of the other change places, so all parts of a region are listed in time proportional to them.

Where two parts of one label meet at a corner, `link_turns` turns around each as if they were
different pieces, and lists a *touch*. Once they are one piece, rings cross over: what came in at
one node goes on where the other went on.

      A | B      NL goes on as WA, SR as EB  ->  NL goes on as EB, SR as WA
      --+--      two right turns             ->  two left turns: 4 quarters fewer
      B | A

Arrays are C-contiguous. `links` is (parts, 3) int64: the columns PIECE and REGION hold parents, NEXT
the next part of the circle. `tally`, `gaps`, `nodes` and `waiting` are those of `link_turns`.

Tarjan (1975). Efficiency of a good but not linear set union algorithm. Journal of the ACM 22(2).
"""

from fastkm._kernels._jit import kernel

PIECE, REGION, NEXT = range(3)

LABEL, CELLS, TOP, LEFT, BOTTOM, RIGHT, FIRST, NUMBER = range(8)
"""Columns of what is known of a part: its box is inclusive, FIRST is its first cell's flat index,
NUMBER is its number among the parts of all strips."""

BOX = slice(TOP, RIGHT + 1)


@kernel
def find_root(links, level, part):
    """Return the first part of a part's piece or region, and halve the path; links: INOUT."""
    while links[part, level] != part:
        links[part, level] = links[links[part, level], level]
        part = links[part, level]
    return part


@kernel
def find_roots(links, level, parts, roots):
    """Write the root of each of some parts to roots: (p,) int64 OUT; links: INOUT."""
    for k in range(len(parts)):
        roots[k] = find_root(links, level, parts[k])


@kernel
def mark_roots(links, level, parts, marks):
    """Mark the roots of some parts, -1 for none; links: INOUT; marks: (all parts,) bool INOUT."""
    for k in range(len(parts)):
        if parts[k] >= 0:
            marks[find_root(links, level, parts[k])] = True


@kernel
def join_regions(first, second, links):
    """Make pairs of parts one region each; first, second: (m,) int64 IN, -1 for none; links: INOUT."""
    for k in range(len(first)):
        if first[k] >= 0 and second[k] >= 0:
            join_two_regions(first[k], second[k], links)


@kernel
def join_pieces(first, second, links):
    """Make pairs of parts one piece, and so one region; all else as in `join_regions`."""
    for k in range(len(first)):
        if first[k] >= 0 and second[k] >= 0:
            a, b = find_root(links, PIECE, first[k]), find_root(links, PIECE, second[k])
            links[max(a, b), PIECE] = min(a, b)
            join_two_regions(a, b, links)


@kernel
def join_two_regions(part, other, links):
    """Make two parts one region; links: INOUT."""
    a, b = find_root(links, REGION, part), find_root(links, REGION, other)
    if a != b:
        links[max(a, b), REGION] = min(a, b)
        links[a, NEXT], links[b, NEXT] = links[b, NEXT], links[a, NEXT]


@kernel
def measure_parts(numbers, first_row, facts):
    """Count the cells of parts, and find their boxes and first cells.

    numbers: (rows, columns) int32 IN, parts by number in the strip, -1 if missing; first_row: the
    row of the first of them; facts: (parts, 8) int64 INOUT, of this strip only: CELLS comes in as 0,
    FIRST as -1.
    """
    rows, columns = numbers.shape
    for r in range(rows):
        row = numbers[r]
        c = 0
        while c < columns:
            # a run of one number
            number, begin = row[c], c
            c += 1
            while c < columns and row[c] == number:
                c += 1
            if number < 0:
                continue
            fact = facts[number]
            if fact[FIRST] < 0:
                fact[FIRST] = (first_row + r) * columns + begin
                fact[TOP], fact[LEFT], fact[RIGHT] = first_row + r, begin, c - 1
            fact[CELLS] += c - begin
            fact[LEFT] = min(fact[LEFT], begin)
            fact[RIGHT] = max(fact[RIGHT], c - 1)
            fact[BOTTOM] = first_row + r


@kernel
def bridge_missing(numbers, first_part, bridge, periodic, facts, last, missing, links):
    """Join regions of one label with up to `bridge` missing cells of a row or column between.

    numbers: see `measure_parts` IN; first_part: the number of part 0 among all; periodic: bool, the
    first column is a neighbour of the last; facts: of all parts IN; last, missing: (columns,) int64
    INOUT, the last part of each column, -1 if there is none, and the missing cells after it; links:
    INOUT.
    """
    rows, columns = numbers.shape
    for r in range(rows):
        west, gap, first, first_gap = -1, 0, -1, 0
        for c in range(columns):
            if numbers[r, c] < 0:
                gap += 1
                missing[c] += 1
                continue
            part = first_part + numbers[r, c]
            join_over(west, part, gap, bridge, facts, links)
            join_over(last[c], part, missing[c], bridge, facts, links)
            if first < 0:
                first, first_gap = part, gap
            west, last[c] = part, part
            gap = missing[c] = 0
        if periodic:
            join_over(west, first, gap + first_gap, bridge, facts, links)


@kernel
def join_over(part, other, missing, bridge, facts, links):
    """Join two parts of one label with so many missing cells between, if it is a bridge."""
    if 0 < missing <= bridge and part >= 0 and facts[part, LABEL] == facts[other, LABEL]:
        join_two_regions(part, other, links)


@kernel
def cross_over(touches, is_open, links, waiting, nodes, tally):
    """Let rings cross over where two parts have become one piece; return the touches that remain.

    touches: (m, 4) int64 INOUT, see `link_turns`; those that are not decided come first; is_open:
    (parts,) bool IN, roots of pieces that may go on; links: INOUT; waiting, nodes, tally: INOUT.
    """
    left = 0
    for t in range(len(touches)):
        a, b = find_root(links, PIECE, touches[t, 0]), find_root(links, PIECE, touches[t, 1])
        if a == b:
            x, y = touches[t, 2], touches[t, 3]
            nodes[x, 0], nodes[y, 0] = nodes[y, 0], nodes[x, 0]
            tally[a, 1] -= 4
            # a node that waits for its successor waits in the other's place
            column = nodes[x, 1] & 0xFFFFFFFF
            if waiting[0, column] == x:
                waiting[0, column] = y
        elif is_open[a] and is_open[b]:
            for j in range(4):
                touches[left, j] = touches[t, j]
            left += 1
    return left


@kernel
def list_parts(regions, links, parts, owners):
    """List the parts of some regions, region by region; return their number.

    regions: (n,) int64 IN, any part of each; links: IN; parts: (>= number,) int64 OUT; owners: as
    long, int64 OUT, the place of the part's region in `regions`.
    """
    size = 0
    for k in range(len(regions)):
        part = regions[k]
        while True:
            parts[size], owners[size] = part, k
            size += 1
            part = links[part, NEXT]
            if part == regions[k]:
                break
    return size


@kernel
def merge_facts(parts, owners, facts, merged):
    """Put together what is known of parts; merged: (regions, 8) int64 OUT, but for NUMBER."""
    merged[:, CELLS] = 0
    for k in range(len(parts)):
        fact, whole = facts[parts[k]], merged[owners[k]]
        if fact[CELLS] == 0:
            continue
        if whole[CELLS] == 0:
            for j in range(NUMBER):
                whole[j] = fact[j]
            continue
        whole[CELLS] += fact[CELLS]
        for j in (TOP, LEFT, FIRST):
            whole[j] = min(whole[j], fact[j])
        for j in (BOTTOM, RIGHT):
            whole[j] = max(whole[j], fact[j])


@kernel
def merge_tallies(parts, pieces, tally, gaps, merged, found, found_pieces):
    """Add up the points and turns of parts; take the gaps of parts out; return their number.

    parts, pieces: (p,) int64 IN, some parts, and the place of each one's piece in merged: (pieces,
    5) int64 INOUT, zeros come in; tally: IN; gaps: (g, 2) int64 INOUT, -1 where they are taken out;
    found: (<= g,) int64 OUT, their nodes; found_pieces: as long, int64 OUT.
    """
    size = 0
    for k in range(len(parts)):
        counts, whole = tally[parts[k]], merged[pieces[k]]
        whole[0] += counts[0]
        whole[1] += counts[1]
        gap = counts[3]
        while gap >= 0:
            found[size], found_pieces[size] = gaps[gap, 0], pieces[k]
            size += 1
            gaps[gap, 0] = -1
            gap = -1 if gap == counts[4] else gaps[gap, 1]
    return size


@kernel
def pack_nodes(nodes, places):
    """Move up the nodes that have not been walked, those that do not link to themselves.

    nodes: (n, 2) int64 INOUT; places: (> n,) int64 INOUT, the new place of each old one, -1 comes
    in. Return the number of nodes that are left.
    """
    size = 0
    for node in range(len(nodes)):
        if nodes[node, 0] != node:
            places[node] = size
            nodes[size, 0], nodes[size, 1] = nodes[node, 0], nodes[node, 1]
            size += 1
    for node in range(size):
        nodes[node, 0] = places[nodes[node, 0]]
    return size
