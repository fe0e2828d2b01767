"""Pictures of a voxel cell while the solver runs: the first field as a glowing volume inside the glassy surface of the solid.

The default of models of voxels; another script is named in the deck:  insitu: {script: my_volume.py}. To make your own, copy this file and
slices.py, which lends its title, axes, colour bar and colours, into one folder. LOOK below chooses between the volume and cuts.

The colours end at the value that one voxel in 200 with a value exceeds: in the corners of voxels stresses are as high as the voxels are small.

Fields: the first one is drawn; `solid` (1 in the solid, 0 outside) gives the surface where it is 0.5, closed on the faces of the cell. A frame of
one or two axes (a cell of one layer of voxels) is drawn as slices.py does it.

Pictures are <dir>/<name>_<step:06d>.png.
"""

import os
import sys

import numpy
from paraview import catalyst
from paraview import simple as pv

try:
    here = os.path.dirname(os.path.abspath(__file__))
except NameError:
    here = os.path.dirname(os.path.abspath(catalyst.get_script_filename()))
sys.path.insert(0, here)
import slices

LOOK = "volume"  # or "cuts": three planes through the peak
SURFACE, GLASS = [0.55, 0.6, 0.68], 0.25  # colour and opacity of the solid's surface


class Volume(slices.Picture):
    def make_shapes(self):
        if len(self.axes) == 3:
            self.view.UseFXAA, self.view.DepthPeeling, self.view.MaximumNumberOfPeels = 1, 1, 4
            self.make_surface()
        if len(self.axes) < 3 or LOOK == "cuts":
            return super().make_shapes()
        display = pv.Show(self.source, self.view)
        display.SetRepresentationType("Volume")
        display.ScalarOpacityUnitDistance = 0.03 * self.diagonal()
        self.opacity = pv.GetOpacityTransferFunction("%s/%s" % (self.name, self.field))
        display.ScalarOpacityFunction = self.opacity
        return [display]

    def range(self):
        values = self.local_values()
        if values is None or len(self.axes) < 3:
            return super().range()
        values = values[numpy.isfinite(values)]
        inside = values[values != 0.0]
        if not inside.size:
            return 0.0, 0.0
        low, high = numpy.quantile(inside, (0.005, 0.995))
        return (low, high) if inside.size == values.size else (min(low, 0.0), max(high, 0.0))

    def diagonal(self):
        b = self.source.GetDataInformation().GetBounds()
        return sum((high - low) ** 2 for low, high in zip(b[0::2], b[1::2])) ** 0.5

    def make_surface(self):
        """The surface inside the cell, and the solid's part of the cell's faces."""
        if not self.source.PointData.GetArray("solid"):
            return
        inside = pv.Contour(Input=self.source, ContourBy=["POINTS", "solid"], Isosurfaces=[0.5])
        faces = pv.Clip(Input=pv.ExtractSurface(Input=self.source), ClipType="Scalar", Scalars=["POINTS", "solid"], Value=0.5, Invert=0)
        for shape in (inside, faces):
            display = pv.Show(shape, self.view)
            display.SetRepresentationType("Surface")
            display.Scale = self.scale
            display.ColorArrayName = ["POINTS", ""]
            display.AmbientColor = display.DiffuseColor = SURFACE
            display.Opacity, display.Specular, display.SpecularPower = GLASS, 0.4, 30.0

    def set_limits(self):
        super().set_limits()
        if LOOK == "volume" and len(self.axes) == 3:
            low, high = self.limits
            middle = 0.0 if low == -high else low
            # Where the field is near zero, or at its least, one looks through.
            self.opacity.Points = [x for value, opacity in ((low, 1.0 if low < middle else 0.0), (middle, 0.0), (high, 1.0)) for x in (value, opacity, 0.5, 0.0)]


def catalyst_execute(info):
    slices.draw_frame(info, Volume)


if __name__ == "__main__":
    sys.exit("volume.py: draws while the solver runs; afterwards: ParaView with the .xmf, or postproc/plot_voxels.py")
options = catalyst.Options()
