"""Pictures of slices: a colour map with its bar (2 axes), a line (1 axis) or three cuts through the peak (3 axes).

Runs in three places, with the same pictures:
  while the solver runs    insitu: {every: 5}  in the deck; sna_view or Catalyst 2 calls catalyst_execute() for each frame
  afterwards               pvpython slices.py SLICE.xmf [--dir DIR] [--size 1280x720] [--field NAME]
  in your own way          copy this file, change it, and name the copy in the deck:  insitu: {script: my_slices.py}

Pictures are <dir>/<slice>_<step:06d>.png.

Colours: viridis, which is perceptually uniform, from the least to the greatest value; a field of both signs gets a
diverging map with zero in its middle. The limits are round numbers and are held from frame to frame; they change only
when a frame leaves them or fills less than half of their span. Afterwards, from an .xmf, one pair of limits serves all
frames. Axes of like lengths are drawn to one scale; where one is more than four times as long as another, each is
stretched to fit. Values that are not numbers are red.
"""

import argparse
import math
import os
import sys
import xml.etree.ElementTree as xml

import numpy
from paraview import catalyst
from paraview import simple as pv
from paraview.servermanager import vtkProcessModule
from paraview.vtk.util.numpy_support import vtk_to_numpy

INK, PAPER, GRID_LINES = [0.1, 0.1, 0.1], [1.0, 1.0, 1.0], [0.85, 0.85, 0.85]
BAR = 0.06  # the grid stands this much left of the middle to make room for the colour bar, as a part of the height


def read_arguments(words):
    parser = argparse.ArgumentParser(prog="slices.py", description=__doc__.split("\n")[0])
    parser.add_argument("xmf", nargs="?", help="a slice set written by sna_solver")
    parser.add_argument("--dir", help="where the pictures go (default: beside the .xmf)")
    parser.add_argument("--case", default="", help="first part of the title (default: the folder of the .xmf)")
    parser.add_argument("--size", default="1280x720", help="pixels, WIDTHxHEIGHT")
    parser.add_argument("--field", help="the field to draw (default: the first)")
    return parser.parse_args(words)


def round_step(span, count):
    """The least of 1, 2, 5 times a power of ten that divides span into at most count steps."""
    power = 10.0 ** math.floor(math.log10(span / count))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0, 20.0) if m * power * count >= span * (1.0 - 1e-9))


def round_limits(low, high):
    """Round numbers around [low, high], about ten steps apart."""
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):  # nothing but NaN
        return 0.0, 1.0
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        half = 0.5 * abs(low) or 0.5
        low, high = low - half, high + half
    step = round_step(high - low, 10)
    # Going beyond a round number by a tenth of a step is not worth a whole step of colours that nothing uses.
    first, last = math.floor(low / step + 0.1) * step, math.ceil(high / step - 0.1) * step
    return first, max(last, first + step)


def ticks(low, high, count=6):
    """Round numbers inside [low, high]."""
    step = round_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float("%.10g" % (n * step)) for n in range(first, last + 1)]


def chart_labels(low, high):
    """Ticks as a chart wants them: each number and its text."""
    return ["%g" % tick for tick in ticks(low, high, count=10) for _ in range(2)]


def hold_limits(held, low, high):
    """The limits for a frame in [low, high] after the limits `held` of the frame before (None: first frame)."""
    if low < 0.0 < high and min(-low, high) > 0.05 * max(-low, high):
        high = max(-low, high)
        low = -high
    if held:
        span = held[1] - held[0]
        if held[0] - 0.01 * span <= low and high <= held[1] + 0.01 * span and high - low >= 0.5 * span:
            return held
    return round_limits(low, high)


class Picture:
    """The picture of one slice: made at its first frame, updated at the next ones."""

    def __init__(self, source, name, axes, fields, args):
        self.source, self.name, self.axes, self.args = source, name, axes, args
        source.UpdatePipeline()
        self.field = args.field if args.field in fields else fields[0]
        self.width, self.height = (int(n) for n in args.size.split("x"))
        self.limits = self.preset = None
        if len(axes) == 1:
            self.make_line()
        else:
            self.make_colours()

    def points(self, size):
        """Font size or line width for this picture's height, given for 720 pixels."""
        return max(1, round(size * self.height / 720))

    def title(self):
        return "   ".join(part for part in (self.args.case.replace("_", " "), self.name.replace("_", " "), self.field) if part)

    def range(self):
        array = self.source.PointData.GetArray(self.field)
        return array.GetRange(0) if array else (0.0, 0.0)

    # ---- one axis: a line ----
    def make_line(self):
        view = pv.CreateView("XYChartView")
        view.ViewSize = [self.width, self.height]
        view.ShowLegend = 0
        view.ChartTitleFontSize, view.ChartTitleColor, view.ChartTitleBold = self.points(20), INK, 0
        view.BottomAxisTitle, view.LeftAxisTitle = self.axes[0], self.field
        for side in ("Bottom", "Left"):
            setattr(view, side + "AxisTitleFontSize", self.points(22))
            setattr(view, side + "AxisTitleBold", 0)
            setattr(view, side + "AxisLabelFontSize", self.points(17))
            setattr(view, side + "AxisColor", INK)
            setattr(view, side + "AxisGridColor", GRID_LINES)
        # A chart wants its abscissa as an array.
        line = pv.Calculator(Input=self.source)
        line.Function, line.ResultArrayName = "coordsX", self.axes[0]
        display = pv.Show(line, view, "XYChartRepresentation")
        display.AttributeType = "Point Data"
        display.UseIndexForXAxis = 0
        display.XArrayName = self.axes[0]
        display.SeriesVisibility = [self.field]
        display.SeriesLabel = [self.field, self.field]
        display.SeriesColor = [self.field, "0.13", "0.34", "0.65"]
        display.SeriesLineThickness = [self.field, str(self.points(3))]
        bounds = self.source.GetDataInformation().GetBounds()
        view.BottomAxisUseCustomRange, view.LeftAxisUseCustomRange = 1, 1
        view.BottomAxisRangeMinimum, view.BottomAxisRangeMaximum = bounds[0], bounds[1]
        view.BottomAxisUseCustomLabels, view.LeftAxisUseCustomLabels = 1, 1
        view.BottomAxisLabels = chart_labels(bounds[0], bounds[1])
        self.view = view

    # ---- two and three axes: colours ----
    def make_colours(self):
        view = pv.CreateView("RenderView")
        view.ViewSize = [self.width, self.height]
        view.UseColorPaletteForBackground, view.Background = 0, PAPER
        view.OrientationAxesVisibility = view.CenterAxesVisibility = 0
        # Smoothing of edges costs a third of the time, and with two axes all edges are horizontal or vertical.
        view.UseFXAA, view.DepthPeeling = int(len(self.axes) == 3), 0
        self.view = view
        bounds = self.source.GetDataInformation().GetBounds()
        low, high = bounds[0::2][: len(self.axes)], bounds[1::2][: len(self.axes)]
        lengths = [b - a for a, b in zip(low, high)]
        # The part of the picture that the grid may fill, in pixels; the rest is for the text and the colour bar.
        room = [0.68 * self.width, 0.70 * self.height]
        self.scale = [1.0, 1.0, 1.0]
        if max(lengths) > 4.0 * min(lengths):
            across = room if len(self.axes) == 2 else [1.0, 1.0, 1.0]
            self.scale[: len(lengths)] = [r / n for r, n in zip(across, lengths)]
        self.colours = pv.GetColorTransferFunction("%s/%s" % (self.name, self.field))
        self.cuts = []
        for display in self.make_shapes():
            display.Scale = self.scale
            display.Ambient, display.Diffuse, display.Specular = 1.0, 0.0, 0.0  # the colours of the bar, without shading
            display.ColorArrayName = ["POINTS", self.field]
            display.LookupTable = self.colours
        self.make_axes(low, high)
        self.make_text()
        used = self.aim_camera(low, high, room)
        self.make_bar(used)

    def make_shapes(self):
        """What carries the colours: the grid, or cuts through it."""
        if len(self.axes) == 3:
            self.cuts = [pv.Slice(Input=self.source) for _ in self.axes]
        for axis, cut in enumerate(self.cuts):
            cut.SliceType.Normal = [float(axis == other) for other in range(3)]
        displays = [pv.Show(shape, self.view) for shape in self.cuts or [self.source]]
        for display in displays:
            display.SetRepresentationType("Surface")
        return displays

    def local_values(self):
        """The field as an array, or None when this process does not hold all of it."""
        data = self.source.GetClientSideObject().GetOutputDataObject(0)
        if vtkProcessModule.GetProcessModule().GetNumberOfLocalPartitions() > 1 or not data.IsA("vtkDataSet"):
            return None
        return vtk_to_numpy(data.GetPointData().GetArray(self.field))

    def peak(self):
        """Where the field is farthest from zero; the middle of the grid when this process does not hold all of it."""
        bounds = self.source.GetDataInformation().GetBounds()
        values = self.local_values()
        if values is None or not numpy.isfinite(values).any():
            return [0.5 * (bounds[2 * axis] + bounds[2 * axis + 1]) for axis in range(3)]
        return list(self.source.GetClientSideObject().GetOutputDataObject(0).GetPoint(int(numpy.nanargmax(numpy.abs(values)))))

    def make_axes(self, low, high):
        grid = self.view.AxesGrid
        grid.Visibility = 1
        grid.DataScale = self.scale
        grid.GridColor = INK
        grid.ShowGrid = 0
        grid.AxesToLabel = 0b000111  # each axis once, at its lower end
        names = list(self.axes) + [""] * (3 - len(self.axes))
        for axis, (letter, name) in enumerate(zip("XYZ", names)):
            labels = ticks(low[axis], high[axis]) if name else []
            # Blanks move the names on the left out of the way of the numbers.
            blanks = 2 + max(len("%g" % label) for label in labels) if axis > 0 and name else 0
            setattr(grid, letter + "Title", name + " " * blanks)
            setattr(grid, letter + "AxisUseCustomLabels", 1)
            setattr(grid, letter + "AxisLabels", labels)
            setattr(grid, letter + "AxisNotation", "Mixed")
            for part, size in (("Title", 22), ("Label", 17)):
                setattr(grid, letter + part + "Color", INK)
                setattr(grid, letter + part + "FontSize", self.points(size))

    def make_text(self):
        """One centred block at the top: the title, and under it the caption."""
        self.text = pv.Text()
        display = pv.Show(self.text, self.view, "TextSourceRepresentation")
        display.WindowLocation, display.Justification = "Upper Center", "Center"
        display.Color, display.FontSize = INK, self.points(20)

    def aim_camera(self, low, high, room):
        """Returns the width and height in pixels of the grid in the picture."""
        low, high = ([s * x for s, x in zip(self.scale, end)] for end in (low, high))
        middle = [0.5 * (a + b) for a, b in zip(low, high)]
        view = self.view
        if len(self.axes) == 2:
            pixel = max((high[0] - low[0]) / room[0], (high[1] - low[1]) / room[1])
            # The grid stands a little left of the middle, for the colour bar, and a little low, for the text.
            focus = [middle[0] + BAR * self.height * pixel, middle[1] + 0.02 * self.height * pixel, 0.0]
            view.InteractionMode = "2D"
            view.CameraParallelProjection = 1
            view.CameraFocalPoint = focus
            view.CameraPosition = [focus[0], focus[1], pixel * self.width]
            view.CameraViewUp = [0.0, 1.0, 0.0]
            view.CameraParallelScale = 0.5 * self.height * pixel
            return (high[0] - low[0]) / pixel, (high[1] - low[1]) / pixel
        reach = math.sqrt(sum((b - a) ** 2 for a, b in zip(low, high)))
        # Seen from the side where the axes begin, so that their labels are on the outside.
        view.CameraFocalPoint = [middle[0] + 0.05 * reach, middle[1] - 0.02 * reach, middle[2] + 0.03 * reach]
        view.CameraPosition = [middle[0] - 0.8 * reach, middle[1] - 1.35 * reach, middle[2] + 0.85 * reach]
        view.CameraViewUp = [0.0, 0.0, 1.0]
        view.CameraViewAngle = 38.0
        return 1.05 * self.height, 0.6 * self.height

    def make_bar(self, used):
        bar = pv.GetScalarBar(self.colours, self.view)
        bar.Visibility = 1
        bar.Title, bar.ComponentTitle = self.field, ""
        bar.TitleColor = bar.LabelColor = INK
        bar.TitleFontSize, bar.LabelFontSize = self.points(22), self.points(17)
        bar.HorizontalTitle = 1
        bar.AddRangeLabels, bar.AutomaticLabelFormat, bar.LabelFormat = 0, 0, "%-.4g"
        bar.DrawTickMarks, bar.UseCustomLabels = 1, 1
        bar.Orientation, bar.WindowLocation = "Vertical", "Any Location"
        length = max(0.45, used[1] / self.height)
        right_of_grid = 0.5 + (0.5 * used[0] - BAR * self.height + self.points(40)) / self.width
        bar.Position = [min(0.9, right_of_grid), 0.48 - 0.5 * length]
        bar.ScalarBarLength, bar.ScalarBarThickness = length, self.points(22)
        self.bar = bar

    # ---- every frame ----
    def draw(self, step, time, caption, limits=None):
        self.source.UpdatePipeline(time)
        self.limits = limits or hold_limits(self.limits, *self.range())
        self.view.ViewTime = time
        if len(self.axes) == 1:
            self.view.ChartTitle = self.title() + "\n" + caption
            self.view.LeftAxisRangeMinimum, self.view.LeftAxisRangeMaximum = self.limits
            self.view.LeftAxisLabels = chart_labels(*self.limits)
        else:
            self.set_limits()
            if self.cuts:
                place = self.peak()
                for cut in self.cuts:
                    cut.SliceType.Origin = place
                caption += "   cuts at " + ", ".join("%s = %.3g" % pair for pair in zip(self.axes, place))
            self.text.Text = self.title() + "\n" + caption
        self.save("%s_%06d.png" % (self.name, step))

    def set_limits(self):
        preset = "Cool to Warm (Extended)" if self.limits[0] == -self.limits[1] else "Viridis (matplotlib)"
        if self.preset != preset:
            self.colours.ApplyPreset(preset, True)
            self.preset = preset
        self.colours.RescaleTransferFunction(*self.limits)
        self.bar.CustomLabels = ticks(*self.limits, count=10)

    def save(self, name):
        """A reader of the folder never sees half a picture."""
        os.makedirs(self.args.dir, exist_ok=True)
        path, part = os.path.join(self.args.dir, name), os.path.join(self.args.dir, ".part_" + name)
        pv.SaveScreenshot(part, self.view, ImageResolution=[self.width, self.height])
        if vtkProcessModule.GetProcessModule().GetPartitionId() == 0:
            os.replace(part, path)


# ---- while the solver runs ----
def draw_frame(info, kind):
    """A frame has come: the slice named in the parameters is new, the other channels are as they were."""
    frame = dict(word.split("=", 1) for word in catalyst.get_execute_params())
    name = frame["slice"]
    if name not in pictures:
        source = pv.PVTrivialProducer(registrationName=name)
        pictures[name] = kind(source, name, frame["axes"].split(","), frame["fields"].split(","), arguments)
    pictures[name].draw(info.timestep, info.time, frame["caption"])


def catalyst_execute(info):
    draw_frame(info, Picture)


# ---- afterwards ----
def read_names(path):
    """Names of the axes and of the fields of a slice set."""
    root = xml.parse(path)
    axes = [e.get("Value").split() for e in root.iter("Information") if e.get("Name") == "axes"]
    return axes[0] if axes else ["x", "y", "z"], [e.get("Name") for e in root.find(".//Geometry/..").iter("Attribute")]


def draw_file(args):
    if not os.path.isfile(args.xmf):
        sys.exit("slices.py: no such file: " + args.xmf)
    folder, name = os.path.split(os.path.abspath(args.xmf))
    args.dir = args.dir or folder
    case = os.path.basename(folder)
    args.case = args.case or ("" if name.startswith(case) else case)  # the solver's files are <case>_<slice>.xmf
    source = pv.XDMFReader(FileNames=[os.path.join(folder, name)])
    source.UpdatePipeline()
    axes, fields = read_names(args.xmf)
    picture = Picture(source, os.path.splitext(name)[0], axes, fields, args)
    times = list(source.TimestepValues) or [0.0]
    low, high = math.inf, -math.inf
    for time in times:
        source.UpdatePipeline(time)
        low, high = min(low, picture.range()[0]), max(high, picture.range()[1])
    limits = hold_limits(None, low, high)
    for step, time in enumerate(times):
        picture.draw(step, time, "t = %g" % time, limits)
        print("%s_%06d.png" % (os.path.join(args.dir, picture.name), step))


pv._DisableFirstRenderCameraReset()
pictures = {}
if __name__ == "__main__":
    arguments = read_arguments(sys.argv[1:])
    if not arguments.xmf:
        sys.exit("slices.py: name a slice set: pvpython slices.py out/CASE/SLICE.xmf")
    draw_file(arguments)
else:
    options = catalyst.Options()
    arguments = read_arguments(catalyst.get_args())
