"""A term with a class: the commands that grade, list, mend and hand on what learners have handed in.

``due`` knows who is late, ``submissions`` what lies in the folders, ``runs`` lets nbgrader grade and makes
sure that nothing is given away for nothing; ``standings`` says how everybody stands. Each command of
``python -m bookwork.grading`` stands in a module of its name.
"""
